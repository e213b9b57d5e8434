"""Rows of what TLS load balancers speak: recorded, since none of the sandbox speaks any."""

from collections.abc import Iterator, Mapping

from sandbox.providers.checks import matches
from sandbox.providers.gcp.checks import NAME, NAMES, only_with, region
from sandbox.providers.gcp.resource_type import ResourceType, kept, linked, path
from sandbox.providers.plugin import Failure
from sandbox.providers.resource_type import Inputs
from sandbox.providers.values import UNKNOWN

_DOCS = "https://www.pulumi.com/registry/packages/gcp/api-docs/compute/"
_API = "https://cloud.google.com/compute/docs/reference/rest/v1/sslPolicies"
# What a profile asks of the oldest version, and the oldest version of a profile.
_VERSION_OF: Mapping[str, str] = {"FIPS_202205": "TLS_1_2"}
_PROFILE_OF: Mapping[str, str] = {"TLS_1_3": "RESTRICTED"}
_CHECKS = (
    matches("name", NAME, NAMES),
    only_with(
        "customFeatures",
        lambda inputs: inputs.get("profile") == "CUSTOM",
        f"only with profile CUSTOM ({_API})",
    ),
)


def _profile_and_version_go_together(inputs: Inputs) -> Iterator[Failure]:
    profile: str = inputs.get("profile", "COMPATIBLE")
    version: str = inputs.get("minTlsVersion", "TLS_1_0")
    if UNKNOWN in (profile, version):
        return
    if version != _VERSION_OF.get(profile, version):
        wanted = _VERSION_OF[profile]
        yield Failure("minTlsVersion", f"must be {wanted} with profile {profile} ({_API})")
    if profile != _PROFILE_OF.get(version, profile):
        wanted = _PROFILE_OF[version]
        yield Failure("profile", f"must be {wanted} with minTlsVersion {version} ({_API})")


ROWS = (
    ResourceType(
        token="gcp:compute/sSLPolicy:SSLPolicy",
        docs=f"{_DOCS}sslpolicy/",
        identify=path("projects/{project}/global/sslPolicies/{name}"),
        named_by="name",
        computed=linked("compute"),
        replaces=("name", "project", "description"),
        checks=(*_CHECKS, _profile_and_version_go_together),
        stays=kept,
    ),
    ResourceType(
        token="gcp:compute/regionSslPolicy:RegionSslPolicy",
        docs=f"{_DOCS}regionsslpolicy/",
        identify=path("projects/{project}/regions/{region}/sslPolicies/{name}"),
        named_by="name",
        computed=linked("compute"),
        replaces=("name", "project", "description", "region"),
        checks=(*_CHECKS, region("region"), _profile_and_version_go_together),
        stays=kept,
    ),
)
