"""A bucket's settings in two spellings: the provider's, and those of Cloud Storage itself."""

from collections.abc import Mapping
from typing import Any

from sandbox.providers.gcp.project import OWN_LABELS
from sandbox.providers.values import listed, nested

_CONDITIONS: Mapping[str, str] = {
    "age": "age",
    "createdBefore": "createdBefore",
    "customTimeBefore": "customTimeBefore",
    "daysSinceCustomTime": "daysSinceCustomTime",
    "daysSinceNoncurrentTime": "daysSinceNoncurrentTime",
    "noncurrentTimeBefore": "noncurrentTimeBefore",
    "numNewerVersions": "numNewerVersions",
    "matchesPrefixes": "matchesPrefix",
    "matchesStorageClasses": "matchesStorageClass",
    "matchesSuffixes": "matchesSuffix",
}
_STATES: Mapping[str, bool | None] = {"LIVE": True, "ARCHIVED": False, "ANY": None}


def apply(bucket: Any, inputs: Mapping[str, Any], own_labels: Mapping[str, str]) -> None:
    """Give a client's bucket what the inputs say; what they leave open gets its default."""
    retention = nested(inputs, "softDeletePolicy").get("retentionDurationSeconds")
    access = bucket.iam_configuration
    bucket.labels = {**nested(inputs, "labels"), **own_labels}
    bucket.storage_class = inputs.get("storageClass", "STANDARD")
    bucket.versioning_enabled = bool(nested(inputs, "versioning").get("enabled"))
    bucket.lifecycle_rules = [_to_storage(rule) for rule in listed(inputs, "lifecycleRules")]
    access.uniform_bucket_level_access_enabled = bool(inputs.get("uniformBucketLevelAccess"))
    access.public_access_prevention = inputs.get("publicAccessPrevention", "inherited")
    if retention is not None:
        bucket.soft_delete_policy.retention_duration_seconds = retention


def held(bucket: Any) -> dict[str, Any]:
    """Return the settings of a client's bucket as the provider spells them."""
    access = bucket.iam_configuration
    labels = {key: value for key, value in bucket.labels.items() if not key.startswith(OWN_LABELS)}
    return {
        "labels": labels,
        "effectiveLabels": labels,
        "storageClass": bucket.storage_class,
        "versioning": {"enabled": bucket.versioning_enabled},
        "lifecycleRules": [_from_storage(rule) for rule in bucket.lifecycle_rules],
        "uniformBucketLevelAccess": access.uniform_bucket_level_access_enabled,
        "publicAccessPrevention": access.public_access_prevention,
        "softDeletePolicy": {
            "retentionDurationSeconds": bucket.soft_delete_policy.retention_duration_seconds
        },
    }


def _to_storage(rule: Mapping[str, Any]) -> dict[str, Any]:
    given = nested(rule, "condition")
    condition = {there: given[here] for here, there in _CONDITIONS.items() if given.get(here)}
    state = _STATES.get(given.get("withState", "ANY"))
    live = {} if state is None else {"isLive": state}
    return {"action": nested(rule, "action"), "condition": {**condition, **live}}


def _from_storage(rule: Mapping[str, Any]) -> dict[str, Any]:
    held = nested(rule, "condition")
    condition = {here: held[there] for here, there in _CONDITIONS.items() if there in held}
    words = {state: word for word, state in _STATES.items()}
    return {
        "action": dict(nested(rule, "action")),
        "condition": {**condition, "withState": words[held.get("isLive")]},
    }
