"""What Google Cloud would refuse of buckets and members is refused, where it is and why."""

import pytest

from sandbox.tests.gcp_inputs import (
    ACCOUNT,
    BUCKET,
    BUCKET_MEMBER,
    OBJECT,
    POD,
    PROJECT_MEMBER,
    leaves,
    refusals,
)

DELETED_WITH_AGE = {"action": {"type": "Delete"}, "condition": {"age": 1}}


@pytest.mark.parametrize(
    ("token", "missing"),
    [
        (PROJECT_MEMBER, "role"),
        (BUCKET, "location"),
        (BUCKET_MEMBER, "bucket"),
    ],
)
def test_a_required_property_that_is_missing_is_refused_by_name(token, missing):
    assert refusals(token, **{missing: None}) == {
        missing: f"{missing} is required and was not given"
    }


@pytest.mark.parametrize(
    ("token", "path", "value"),
    [
        (BUCKET, "publicAccessPrevention", "on"),
        (BUCKET, "storageClass", "standard"),
        (BUCKET, "rpo", "TURBO"),
        (BUCKET, "autoclass", {"enabled": True, "terminalStorageClass": "X"}),
        (BUCKET, "lifecycleRules__0__condition__matchesStorageClasses", ["X"]),
        (BUCKET, "lifecycleRules__0__action__type", "delete"),
        (BUCKET, "lifecycleRules__0__condition__withState", "OLD"),
        (OBJECT, "storageClass", "COLD"),
    ],
)
def test_a_misspelt_enumeration_is_refused_with_the_value(token, path, value):
    (reason,) = refusals(token, **{path: value}).values()

    assert any(repr(leaf) in reason for leaf in leaves(value))


@pytest.mark.parametrize(
    ("token", "change", "place", "reason"),
    [
        (ACCOUNT, {"accountId": "nodes"}, "accountId", "must match"),
        (ACCOUNT, {"accountId": "a" * 31}, "accountId", "must match"),
        (ACCOUNT, {"accountId": "1-account"}, "accountId", "must match"),
        (ACCOUNT, {"displayName": "a" * 101}, "displayName", "must match"),
        (ACCOUNT, {"description": "a" * 257}, "description", "must match"),
        (PROJECT_MEMBER, {"project": "My Project"}, "project", "must match"),
        (PROJECT_MEMBER, {"role": "container.nodes"}, "role", "must match"),
        (PROJECT_MEMBER, {"role": "roles/"}, "role", "must match"),
        (PROJECT_MEMBER, {"member": "nodes@my-project.org"}, "member", "must be an identity"),
        (PROJECT_MEMBER, {"member": "allUsers"}, "member", "a project has no roles for everyone"),
        (
            PROJECT_MEMBER,
            {"role": "roles/editor", "condition": {"title": "t", "expression": "true"}},
            "condition",
            "no basic role may have one",
        ),
        (
            BUCKET_MEMBER,
            {"member": POD.replace("123456789012", "my-project")},
            "member",
            "must have the project's number, not 'my-project'",
        ),
        (
            BUCKET_MEMBER,
            {"member": POD.replace("/global", "")},
            "member",
            "must go on with locations/global/workloadIdentityPools",
        ),
        (
            BUCKET_MEMBER,
            {"member": POD.replace("/sa/reader", "")},
            "member",
            "must end with subject/ns/NAMESPACE/sa/SERVICE_ACCOUNT",
        ),
        (BUCKET_MEMBER, {"member": POD.replace("iam.", "")}, "member", "must be an identity"),
        (BUCKET_MEMBER, {"role": "storage.objectViewer"}, "role", "must match"),
        (BUCKET_MEMBER, {"bucket": "My-Bucket"}, "bucket", "must match"),
        (
            BUCKET_MEMBER,
            {"condition__expression": " || ".join(['x == "a || b"'] * 14)},
            "condition.expression",
            "must have at most 12 logical operators, got 13",
        ),
        (BUCKET_MEMBER, {"condition__title": ""}, "condition.title", "must not be empty"),
        (BUCKET_MEMBER, {"condition__expression": ""}, "condition.expression", "must not be empty"),
        (
            BUCKET_MEMBER,
            {"condition__title": "a" * 101},
            "condition.title",
            "must have at most 100 characters, got 101",
        ),
        (BUCKET, {"name": "Upper"}, "name", "must match"),
        (BUCKET, {"name": "ab"}, "name", "must match"),
        (BUCKET, {"name": "a" * 64}, "name", "must match"),
        (BUCKET, {"name": "goog-models"}, "name", "must match"),
        (BUCKET, {"name": "my-google-models"}, "name", "must match"),
        (BUCKET, {"name": "10.60.0.1"}, "name", "must match"),
        (BUCKET, {"location": "us-central1-a"}, "location", "must be a region or ASIA, EU, US, "),
        (BUCKET, {"location": "US-MARS7"}, "location", "got 'US-MARS7'"),
        (BUCKET, {"location": "EUR6"}, "location", "got 'EUR6'"),
        *(
            (
                BUCKET,
                {"location": "EU", "customPlacementConfig": {"dataLocations": regions}},
                "customPlacementConfig.dataLocations",
                "must be two regions of 'EU', got EUROPE-WEST1",
            )
            for regions in (
                ["EUROPE-WEST1"],
                ["EUROPE-WEST1", "EUROPE-WEST1"],
                ["EUROPE-WEST1", "MARS"],
                ["EUROPE-WEST1", "US-EAST1"],
                ["EUROPE-WEST1", "EUROPE-WEST3", "EUROPE-WEST4"],
            )
        ),
        (
            BUCKET,
            {"customPlacementConfig": {"dataLocations": ["US-EAST1", "US-WEST1"]}},
            "customPlacementConfig",
            "only with location ASIA, EU, US, got 'US-CENTRAL1'",
        ),
        (BUCKET, {"rpo": "DEFAULT"}, "rpo", "not in a single region"),
        (BUCKET, {"location": "US", "rpo": "ASYNC_TURBO"}, "rpo", "only for dual regions"),
        (
            BUCKET,
            {"storageClass": "MULTI_REGIONAL"},
            "storageClass",
            "MULTI_REGIONAL is not for location 'US-CENTRAL1'",
        ),
        (
            BUCKET,
            {"location": "EU", "storageClass": "REGIONAL"},
            "storageClass",
            "REGIONAL is not for location 'EU'",
        ),
        (
            BUCKET,
            {"lifecycleRules": [DELETED_WITH_AGE] * 101},
            "lifecycleRules",
            "must be at most 100, got 101",
        ),
        *(
            (
                BUCKET,
                {f"lifecycleRules__0__condition__{name}": value},
                f"lifecycleRules[0].condition.{name}",
                reason,
            )
            for name, value, reason in (
                ("numNewerVersions", -1, "must be 0 to"),
                ("daysSinceCustomTime", -1, "must be 0 to"),
                ("createdBefore", "x", "must match"),
                ("customTimeBefore", "2026-13-01", "must match"),
                ("noncurrentTimeBefore", "2026-01-32", "must match"),
            )
        ),
        *(
            (
                BUCKET,
                {"retentionPolicy": {"retentionPeriod": period}},
                "retentionPolicy.retentionPeriod",
                f"must be more than 0 and less than 3155760000, got {period}",
            )
            for period in ("0", "3155760000", "a year")
        ),
        (
            BUCKET,
            {"hierarchicalNamespace": {"enabled": True}, "uniformBucketLevelAccess": False},
            "hierarchicalNamespace.enabled",
            "only with uniformBucketLevelAccess",
        ),
        (BUCKET, {"labels": {"app": "TF"}}, "labels[app]", "must match"),
        (
            BUCKET,
            {"lifecycleRules__0__condition": {}},
            "lifecycleRules[0].condition",
            "must have at least one condition",
        ),
        (
            BUCKET,
            {"lifecycleRules__0__action": {"type": "SetStorageClass"}},
            "lifecycleRules[0].action.storageClass",
            "is for the action SetStorageClass, which needs one",
        ),
        (
            BUCKET,
            {"lifecycleRules__0__action": {"type": "SetStorageClass", "storageClass": "COLD"}},
            "lifecycleRules[0].action.storageClass",
            "'COLD' is none of",
        ),
        (
            BUCKET,
            {"lifecycleRules__1__condition": {"daysSinceNoncurrentTime": 7}},
            "lifecycleRules[1].condition",
            "an upload has none of daysSinceNoncurrentTime",
        ),
        (
            BUCKET,
            {"lifecycleRules__0__condition__daysSinceNoncurrentTime": -1},
            "lifecycleRules[0].condition.daysSinceNoncurrentTime",
            "must be 0 to",
        ),
        (
            BUCKET,
            {"lifecycleRules__1__condition__age": -1},
            "lifecycleRules[1].condition.age",
            "must be 0 to",
        ),
        (
            BUCKET,
            {"softDeletePolicy__retentionDurationSeconds": 86400},
            "softDeletePolicy.retentionDurationSeconds",
            "must be 0, or 604800 to 7776000, got 86400",
        ),
        (
            OBJECT,
            {"name": "\N{CJK UNIFIED IDEOGRAPH-6A21}" * 342},
            "name",
            "must have at most 1024 bytes in UTF-8, got 1026",
        ),
        (OBJECT, {"bucket": "gs://b"}, "bucket", "must match"),
        (OBJECT, {"name": "a\nb"}, "name", "must match"),
        (OBJECT, {"name": ".."}, "name", "must match"),
        (OBJECT, {"source": {}}, "source", "only one of source, content may be given"),
        (OBJECT, {"content": None}, "source", "one of source, content is required"),
        (
            OBJECT,
            {"contentType": "text/plain", "forceEmptyContentType": True},
            "contentType",
            "only one of contentType, forceEmptyContentType",
        ),
        (
            OBJECT,
            {"kmsKeyName": "key", "customerEncryption": {"encryptionKey": "a2V5"}},
            "kmsKeyName",
            "only one of kmsKeyName, customerEncryption",
        ),
    ],
)
def test_a_value_that_google_cloud_would_not_take_is_refused_where_it_is(
    token, change, place, reason
):
    assert reason in refusals(token, **change)[place]


@pytest.mark.parametrize(
    ("token", "change"),
    [
        (BUCKET_MEMBER, {"member": "allUsers"}),
        (BUCKET_MEMBER, {"member": "group:ml@example.org"}),
        (BUCKET_MEMBER, {"member": "domain:example.org"}),
        (BUCKET_MEMBER, {"member": "serviceAccount:my-project.svc.id.goog[serving/reader]"}),
        (BUCKET_MEMBER, {"member": POD.replace("subject/ns/serving/sa/reader", "namespace/a")}),
        (BUCKET_MEMBER, {"role": "projects/my-project/roles/reader"}),
        (BUCKET_MEMBER, {"role": "organizations/123/roles/reader"}),
        (BUCKET_MEMBER, {"condition__expression": " || ".join(['x == "a"'] * 13)}),
        (BUCKET, {"name": "models.example.org"}),
        (BUCKET, {"location": "EU", "rpo": "DEFAULT", "storageClass": "MULTI_REGIONAL"}),
        (BUCKET, {"location": "nam4", "rpo": "ASYNC_TURBO"}),
        (
            BUCKET,
            {
                "location": "US",
                "customPlacementConfig": {"dataLocations": ["US-EAST1", "us-west1"]},
                "rpo": "ASYNC_TURBO",
            },
        ),
        (BUCKET, {"storageClass": "REGIONAL"}),
        (BUCKET, {"lifecycleRules": [DELETED_WITH_AGE] * 100}),
        (BUCKET, {"lifecycleRules__0__condition__createdBefore": "2026-01-31"}),
        (BUCKET, {"lifecycleRules__0__condition__numNewerVersions": 0}),
        (BUCKET, {"retentionPolicy": {"retentionPeriod": "3155759999"}}),
        (BUCKET, {"retentionPolicy": {"retentionPeriod": "1"}}),
        (BUCKET, {"hierarchicalNamespace": {"enabled": True}}),
        (OBJECT, {"name": "a" * 1024}),
        (OBJECT, {"storageClass": "STANDARD"}),
        (BUCKET, {"softDeletePolicy__retentionDurationSeconds": 0}),
    ],
)
def test_another_value_that_google_cloud_takes_is_taken(token, change):
    assert refusals(token, **change) == {}
