"""Rows of reserved IP addresses: recorded, and what GKE's load balancers take their names for.

None of them leads anywhere.
"""

from collections.abc import Iterator
from ipaddress import ip_address

from sandbox.gke.addresses import reserved_address
from sandbox.providers.checks import between, found, matches
from sandbox.providers.gcp.checks import NAME, NAMES, labels, only_with, region
from sandbox.providers.gcp.project import Project
from sandbox.providers.gcp.resource_type import ResourceType, kept, linked, path
from sandbox.providers.plugin import Failure
from sandbox.providers.resource_type import Inputs, Outputs
from sandbox.providers.values import UNKNOWN

_DOCS = "https://www.pulumi.com/registry/packages/gcp/api-docs/compute/"
_API = "https://cloud.google.com/compute/docs/reference/rest/v1/"
_GLOBAL, _REGIONAL = f"{_API}globalAddresses", f"{_API}addresses"
_ALWAYS_REPLACE = (
    "name",
    "project",
    "address",
    "addressType",
    "description",
    "ipVersion",
    "network",
    "prefixLength",
    "purpose",
)


def _address(project: Project, identifier: str, inputs: Inputs) -> Outputs:
    computed = linked("compute")(project, identifier, inputs)
    if inputs.get("address") or UNKNOWN in (inputs["name"], identifier):
        return computed
    return {**computed, "address": reserved_address(inputs["name"], _is_internal(inputs))}


def _is_internal(inputs: Inputs) -> bool:
    return inputs.get("addressType") in ("INTERNAL", UNKNOWN)


def _is_external(inputs: Inputs) -> bool:
    return inputs.get("addressType", "EXTERNAL") in ("EXTERNAL", UNKNOWN)


def _address_is_one(inputs: Inputs) -> Iterator[Failure]:
    for at, address in found(inputs, "address"):
        try:
            ip_address(address)
        except ValueError as error:
            yield Failure(at, f"must be an IP address: {error}")


def _what_is_shared_is_in_a_subnetwork(inputs: Inputs) -> Iterator[Failure]:
    # https://docs.cloud.google.com/load-balancing/docs/l7-internal
    if inputs.get("purpose") == "SHARED_LOADBALANCER_VIP" and not inputs.get("subnetwork"):
        yield Failure("subnetwork", f"needed with purpose SHARED_LOADBALANCER_VIP ({_REGIONAL})")


ROWS = (
    ResourceType(
        token="gcp:compute/globalAddress:GlobalAddress",
        docs=f"{_DOCS}globaladdress/",
        identify=path("projects/{project}/global/addresses/{name}"),
        named_by="name",
        computed=_address,
        replaces=_ALWAYS_REPLACE,
        checks=(
            matches("name", NAME, NAMES),
            _address_is_one,
            between("prefixLength", 8, 29, _GLOBAL),
            only_with("network", _is_internal, f"only with addressType INTERNAL ({_GLOBAL})"),
            only_with("purpose", _is_internal, f"only with addressType INTERNAL ({_GLOBAL})"),
            labels("labels"),
        ),
        stays=kept,
    ),
    ResourceType(
        token="gcp:compute/address:Address",
        docs=f"{_DOCS}address/",
        identify=path("projects/{project}/regions/{region}/addresses/{name}"),
        named_by="name",
        computed=_address,
        replaces=(
            *_ALWAYS_REPLACE,
            "ipCollection",
            "ipv6EndpointType",
            "networkTier",
            "region",
            "subnetwork",
        ),
        checks=(
            matches("name", NAME, NAMES),
            region("region"),
            _address_is_one,
            only_with("networkTier", _is_external, f"only with EXTERNAL ({_REGIONAL})"),
            only_with("purpose", _is_internal, f"only with addressType INTERNAL ({_REGIONAL})"),
            only_with("subnetwork", _is_internal, f"only with addressType INTERNAL ({_REGIONAL})"),
            labels("labels"),
            _what_is_shared_is_in_a_subnetwork,
        ),
        stays=kept,
    ),
)
