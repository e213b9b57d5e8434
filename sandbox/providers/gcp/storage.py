"""Rows of Cloud Storage: buckets, who may read them, and objects are held, since pods read them."""

from collections.abc import Iterator

from sandbox.providers.checks import any_of, between, exclusive, found, matches, one_of
from sandbox.providers.gcp.buckets import BucketMembers, Buckets, Objects, grant
from sandbox.providers.gcp.checks import REGION, labels
from sandbox.providers.gcp.iam import condition, member, role
from sandbox.providers.gcp.project import API, Project
from sandbox.providers.gcp.resource_type import ResourceType, kept
from sandbox.providers.plugin import Failure
from sandbox.providers.resource_type import Inputs, Outputs, by
from sandbox.providers.values import nested

_DOCS = "https://www.pulumi.com/registry/packages/gcp/api-docs/storage/"
_NAMES = "https://cloud.google.com/storage/docs/buckets#naming"
_OBJECT_NAMES = "https://cloud.google.com/storage/docs/objects#naming"
_LOCATIONS = "https://cloud.google.com/storage/docs/locations"
_CLASSES = "https://cloud.google.com/storage/docs/storage-classes"
_LIFECYCLE = "https://cloud.google.com/storage/docs/lifecycle"
_SOFT_DELETE = "https://cloud.google.com/storage/docs/soft-delete"
_PREVENTION = "https://cloud.google.com/storage/docs/public-access-prevention"
_STORAGE_CLASSES = ("STANDARD", "MULTI_REGIONAL", "REGIONAL", "NEARLINE", "COLDLINE", "ARCHIVE")
_WITHOUT_DOTS = r"[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]"
_WITH_DOTS = (
    r"(?=.{3,222}$)[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?)+"
)
_BUCKET = rf"(?!goog)(?!.*(google|g00gle))(?!\d+(\.\d+){{3}}$)({_WITHOUT_DOTS}|{_WITH_DOTS})"
_REGIONS = rf"(?i:US|EU|ASIA|NAM4|EUR\d|ASIA\d|{REGION})"
_DAY = 86400
_SOFT_DELETED = (7 * _DAY, 90 * _DAY)
_OF_UPLOADS = {"age", "matchesPrefixes", "matchesSuffixes"}


def _bucket(_project: Project, identifier: str, _inputs: Inputs) -> Outputs:
    return {
        "url": f"gs://{identifier}",
        "selfLink": f"{API}/storage/v1/b/{identifier}",
    }


def _rules_say_when_and_what(inputs: Inputs) -> Iterator[Failure]:
    for at, rule in found(inputs, "lifecycleRules.*"):
        action, when = nested(rule, "action"), set(nested(rule, "condition"))
        kind = action.get("type")
        if not when:
            yield Failure(f"{at}.condition", f"must have at least one condition ({_LIFECYCLE})")
        if (kind == "SetStorageClass") is not bool(action.get("storageClass")):
            limit = "is for the action SetStorageClass, which needs one"
            yield Failure(f"{at}.action.storageClass", f"{limit} ({_LIFECYCLE})")
        if kind == "AbortIncompleteMultipartUpload" and when - _OF_UPLOADS:
            limit = f"an upload has none of {', '.join(sorted(when - _OF_UPLOADS))}"
            yield Failure(f"{at}.condition", f"{limit} ({_LIFECYCLE})")


def _deleted_objects_stay_for_a_while(inputs: Inputs) -> Iterator[Failure]:
    least, most = _SOFT_DELETED
    for at, seconds in found(inputs, "softDeletePolicy.retentionDurationSeconds"):
        if seconds != 0 and not least <= seconds <= most:
            yield Failure(at, f"must be 0, or {least} to {most}, got {seconds} ({_SOFT_DELETE})")


ROWS = (
    ResourceType(
        token="gcp:storage/bucket:Bucket",
        docs=f"{_DOCS}bucket/",
        identify=by("name"),
        named_by="name",
        computed=_bucket,
        replaces=(
            "name",
            "project",
            "location",
            "customPlacementConfig",
            "enableObjectRetention",
            "hierarchicalNamespace",
        ),
        checks=(
            matches("name", _BUCKET, _NAMES),
            matches("location", _REGIONS, _LOCATIONS),
            labels("labels"),
            one_of("storageClass", _STORAGE_CLASSES, _CLASSES),
            one_of("publicAccessPrevention", ("inherited", "enforced"), _PREVENTION),
            one_of("rpo", ("DEFAULT", "ASYNC_TURBO"), _LOCATIONS),
            one_of(
                "lifecycleRules.*.action.type",
                ("Delete", "SetStorageClass", "AbortIncompleteMultipartUpload"),
                _LIFECYCLE,
            ),
            one_of("lifecycleRules.*.action.storageClass", _STORAGE_CLASSES, _CLASSES),
            one_of("lifecycleRules.*.condition.withState", ("LIVE", "ARCHIVED", "ANY"), _LIFECYCLE),
            between("lifecycleRules.*.condition.age", 0, 36500, _LIFECYCLE),
            between("lifecycleRules.*.condition.daysSinceNoncurrentTime", 0, 36500, _LIFECYCLE),
            _rules_say_when_and_what,
            _deleted_objects_stay_for_a_while,
        ),
        operations=Buckets(),
        stays=kept,
    ),
    ResourceType(
        token="gcp:storage/bucketIAMMember:BucketIAMMember",
        docs=f"{_DOCS}bucketiammember/",
        identify=lambda _, __, inputs: grant(inputs),
        replaces=("bucket", "role", "member", "condition"),
        checks=(
            matches("bucket", rf"(b/)?{_BUCKET}", _NAMES),
            role(),
            member(everyone=True),
            condition,
        ),
        operations=BucketMembers(),
    ),
    ResourceType(
        token="gcp:storage/bucketObject:BucketObject",
        docs=f"{_DOCS}bucketobject/",
        identify=by("bucket", "name", separator="/"),
        named_by="name",
        replaces=(
            "bucket",
            "name",
            "source",
            "cacheControl",
            "contentDisposition",
            "contentEncoding",
            "contentLanguage",
            "contentType",
            "customerEncryption",
            "forceEmptyContentType",
            "kmsKeyName",
            "metadata",
            "storageClass",
        ),
        moves=("crc32c", "md5hash", "md5hexhash", "generation", "mediaLink"),
        checks=(
            matches("bucket", _BUCKET, _NAMES),
            matches(
                "name",
                r"(?!\.well-known/acme-challenge/)(?!\.{1,2}$)[^\r\n]{1,1024}",
                _OBJECT_NAMES,
            ),
            exclusive("source", "content"),
            any_of("source", "content"),
            exclusive("contentType", "forceEmptyContentType"),
            exclusive("kmsKeyName", "customerEncryption"),
            one_of("storageClass", _STORAGE_CLASSES, _CLASSES),
        ),
        operations=Objects(),
        stays=kept,
    ),
)
