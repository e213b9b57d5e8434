"""WorkloadIdentity: which pods read, and what of the bucket."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import pulumi

from components.gcp.workload_identity import WorkloadIdentity, WorkloadIdentityArgs

MEMBER = "gcp:storage/bucketIAMMember:BucketIAMMember"
OBJECTS = "projects/_/buckets/my-bucket/objects"


def an_identity(prefixes: Sequence[str] = ("models/resnet",), **args: Any) -> WorkloadIdentity:
    return WorkloadIdentity(
        "reader",
        WorkloadIdentityArgs(
            **{
                "project": "my-project",
                "project_number": "123456789012",
                "namespace": "serving",
                "service_account": "resnet",
                "bucket": "my-bucket",
                "prefixes": prefixes,
                **args,
            }
        ),
    )


def starts_of(expression: str) -> list[str]:
    """Return the prefixes that an expression allows; the first part is what is no object."""
    no_object, *starts = expression.split(" || ")
    assert no_object == 'resource.type != "storage.googleapis.com/Object"'
    return [each.removeprefix('resource.name.startsWith("').removesuffix('")') for each in starts]


def test_only_pods_of_the_service_account_read(cloud):
    cloud.run(an_identity)

    member = cloud.one(MEMBER)
    pool = "projects/123456789012/locations/global/workloadIdentityPools/my-project.svc.id.goog"
    assert member["member"] == (
        f"principal://iam.googleapis.com/{pool}/subject/ns/serving/sa/resnet"
    )
    assert (member["bucket"], member["role"]) == ("my-bucket", "roles/storage.objectViewer")


def test_they_list_the_bucket_and_read_what_is_below_the_prefixes(cloud):
    cloud.run(lambda: an_identity(["models/b", "models/a"]))

    assert cloud.one(MEMBER)["condition"] == {
        "title": "models-1",
        "expression": 'resource.type != "storage.googleapis.com/Object"'
        f' || resource.name.startsWith("{OBJECTS}/models/a/")'
        f' || resource.name.startsWith("{OBJECTS}/models/b/")',
    }


def test_a_bucket_that_is_yet_to_be_made_will_do(cloud):
    cloud.run(lambda: an_identity(bucket=pulumi.Output.from_input("my-bucket")))

    assert starts_of(cloud.one(MEMBER)["condition"]["expression"]) == [f"{OBJECTS}/models/resnet/"]


def test_a_prefix_is_quoted(cloud):
    cloud.run(lambda: an_identity(['a") || ("']))

    expression = cloud.one(MEMBER)["condition"]["expression"]
    assert expression.endswith(f'.startsWith("{OBJECTS}/a\\") || (\\"/")')


def test_no_condition_has_more_operators_than_iam_takes(cloud):
    cloud.run(lambda: an_identity([f"models/{number:02}" for number in range(25)]))

    members = cloud.all(MEMBER)
    conditions = [member["condition"] for member in members.values()]
    starts = [starts_of(each["expression"]) for each in conditions]
    assert [*members] == ["reader-reader-1", "reader-reader-2", "reader-reader-3"]
    assert [each["title"] for each in conditions] == ["models-1", "models-2", "models-3"]
    assert [len(each) for each in starts] == [12, 12, 1]
    assert [*chain(*starts)] == [f"{OBJECTS}/models/{number:02}/" for number in range(25)]


def test_a_prefix_that_is_named_twice_counts_once(cloud):
    cloud.run(lambda: an_identity(["models/a"] * 13))

    assert len(starts_of(cloud.one(MEMBER)["condition"]["expression"])) == 1


def test_who_reads_nothing_is_allowed_nothing(cloud):
    cloud.run(lambda: an_identity([]))

    assert cloud.types() == {"tfserving:index:WorkloadIdentity"}


def test_every_child_belongs_to_it(cloud):
    identity = cloud.run(an_identity)

    assert cloud.parent_of(MEMBER) == "tfserving:index:WorkloadIdentity::reader"
    assert cloud.promised(identity) == {}
