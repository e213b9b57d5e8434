"""Rows of Cloud Storage: buckets, who may read them, and objects are held, since pods read them."""

import re
from collections.abc import Iterator, Mapping

from sandbox.providers.checks import any_of, between, exclusive, found, matches, one_of
from sandbox.providers.gcp.buckets import BucketMembers, Buckets, Objects, grant
from sandbox.providers.gcp.checks import is_region, labels
from sandbox.providers.gcp.iam import condition, member, role
from sandbox.providers.gcp.project import API, Project
from sandbox.providers.gcp.resource_type import ResourceType, kept
from sandbox.providers.plugin import Failure
from sandbox.providers.resource_type import Inputs, Outputs, by
from sandbox.providers.values import UNKNOWN, nested

_DOCS = "https://www.pulumi.com/registry/packages/gcp/api-docs/storage/"
_NAMES = "https://cloud.google.com/storage/docs/buckets#naming"
_OBJECT_NAMES = "https://cloud.google.com/storage/docs/objects#naming"
_LOCATIONS = "https://cloud.google.com/storage/docs/locations"
_CLASSES = "https://cloud.google.com/storage/docs/storage-classes"
_LIFECYCLE = "https://cloud.google.com/storage/docs/lifecycle"
_SOFT_DELETE = "https://cloud.google.com/storage/docs/soft-delete"
_RETENTION = "https://cloud.google.com/storage/docs/bucket-lock"
_FOLDERS = "https://cloud.google.com/storage/docs/hns-overview"
_STORAGE_CLASSES = ("STANDARD", "MULTI_REGIONAL", "REGIONAL", "NEARLINE", "COLDLINE", "ARCHIVE")
_WITHOUT_DOTS = r"[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]"
_WITH_DOTS = (
    r"(?=.{3,222}$)[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?)+"
)
_BUCKET = rf"(?!goog)(?!.*(google|g00gle))(?!\d+(\.\d+){{3}}$)({_WITHOUT_DOTS}|{_WITH_DOTS})"
_MULTI_REGIONS: Mapping[str, str] = {"ASIA": "asia-", "EU": "europe-", "US": "us-"}
_DUAL_REGIONS = ("ASIA1", "EUR4", "EUR5", "EUR7", "EUR8", "NAM4")
_PAIR = 2
_LONGEST_NAME = 1024
_DAY = 86400
_SOFT_DELETED = (7 * _DAY, 90 * _DAY)
_RETAINED = 100 * 31_557_600  # seconds of a hundred Julian years
_MOST_RULES = 100
_NUMBERS = {
    "age": 36500,
    "daysSinceCustomTime": 36500,
    "daysSinceNoncurrentTime": 36500,
    "numNewerVersions": 2**31 - 1,
}
_DATE = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_OF_UPLOADS = {"age", "matchesPrefixes", "matchesSuffixes"}


def _bucket(_project: Project, identifier: str, _inputs: Inputs) -> Outputs:
    return {
        "url": f"gs://{identifier}",
        "selfLink": f"{API}/storage/v1/b/{identifier}",
    }


def _location_is_one(inputs: Inputs) -> Iterator[Failure]:
    """Find a place that is none, and what a single region has not, or two have not."""
    place: str = inputs["location"]
    if place == UNKNOWN:
        return
    single, several = is_region(place.lower()), _MULTI_REGIONS.get(place.upper())
    custom = inputs.get("customPlacementConfig") is not None
    if not (single or several or place.upper() in _DUAL_REGIONS):
        known = ", ".join((*_MULTI_REGIONS, *_DUAL_REGIONS))
        yield Failure("location", f"must be a region or {known}, got {place!r} ({_LOCATIONS})")
        return
    if custom and not several:
        limit = f"only with location {', '.join(_MULTI_REGIONS)}, got {place!r}"
        yield Failure("customPlacementConfig", f"{limit} ({_LOCATIONS})")
    for at, regions in found(inputs, "customPlacementConfig.dataLocations"):
        pair = {each.lower() for each in regions if is_region(each.lower())}
        of_several = all(each.startswith(several or "") for each in pair)
        if UNKNOWN not in regions and not (len(pair) == len(regions) == _PAIR and of_several):
            limit = f"must be two regions of {place!r}, got {', '.join(regions)}"
            yield Failure(at, f"{limit} ({_LOCATIONS})")
    if single and inputs.get("rpo") is not None:
        yield Failure("rpo", f"not in a single region ({_LOCATIONS})")
    if several and not custom and inputs.get("rpo") == "ASYNC_TURBO":
        yield Failure("rpo", f"ASYNC_TURBO is only for dual regions, not {place!r} ({_LOCATIONS})")
    kind = inputs.get("storageClass")
    if kind == ("MULTI_REGIONAL" if single else "REGIONAL"):
        yield Failure("storageClass", f"{kind} is not for location {place!r} ({_CLASSES})")


def _objects_are_retained_for_a_while(inputs: Inputs) -> Iterator[Failure]:
    for at, seconds in found(inputs, "retentionPolicy.retentionPeriod"):
        if not re.fullmatch(r"\d+", str(seconds)) or not 0 < int(seconds) < _RETAINED:
            limit = f"must be more than 0 and less than {_RETAINED}, got {seconds}"
            yield Failure(at, f"{limit} ({_RETENTION})")


def _folders_need_one_kind_of_access(inputs: Inputs) -> Iterator[Failure]:
    uniform = inputs.get("uniformBucketLevelAccess")
    for at, enabled in found(inputs, "hierarchicalNamespace.enabled"):
        if enabled and not uniform:
            yield Failure(at, f"only with uniformBucketLevelAccess ({_FOLDERS})")


def _name_is_short_enough(inputs: Inputs) -> Iterator[Failure]:
    for at, name in found(inputs, "name"):
        if (size := len(name.encode())) > _LONGEST_NAME:
            limit = f"must have at most {_LONGEST_NAME} bytes in UTF-8, got {size}"
            yield Failure(at, f"{limit} ({_OBJECT_NAMES})")


def _rules_say_when_and_what(inputs: Inputs) -> Iterator[Failure]:
    for at, rules in found(inputs, "lifecycleRules"):
        if len(rules) > _MOST_RULES:
            yield Failure(at, f"must be at most {_MOST_RULES}, got {len(rules)} ({_LIFECYCLE})")
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
            _location_is_one,
            labels("labels"),
            one_of("rpo", ("DEFAULT", "ASYNC_TURBO"), _LOCATIONS),
            *(
                between(f"lifecycleRules.*.condition.{name}", 0, most, _LIFECYCLE)
                for name, most in _NUMBERS.items()
            ),
            *(
                matches(f"lifecycleRules.*.condition.{name}", _DATE, _LIFECYCLE)
                for name in ("createdBefore", "customTimeBefore", "noncurrentTimeBefore")
            ),
            _rules_say_when_and_what,
            _objects_are_retained_for_a_while,
            _folders_need_one_kind_of_access,
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
                r"(?!\.well-known/acme-challenge/)(?!\.{1,2}$)[^\r\n]+",
                _OBJECT_NAMES,
            ),
            _name_is_short_enough,
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
