"""Rows of VPC networks: recorded after their checks, since nothing is started in them here."""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network
from itertools import combinations
from typing import Any

from sandbox.providers.checks import any_of, between, cidr, exclusive, found, matches, one_of
from sandbox.providers.gcp.checks import NAME, NAMES, PLACES, REGION, only_with
from sandbox.providers.gcp.project import Project
from sandbox.providers.gcp.resource_type import ResourceType, kept, linked, path
from sandbox.providers.plugin import Failure
from sandbox.providers.resource_type import Inputs, Outputs
from sandbox.providers.values import UNKNOWN

_DOCS = "https://www.pulumi.com/registry/packages/gcp/api-docs/compute/"
_API = "https://cloud.google.com/compute/docs/reference/rest/v1/"
_NETWORK, _SUBNETWORK, _ROUTER = f"{_API}networks", f"{_API}subnetworks", f"{_API}routers"
_SIZES = "https://cloud.google.com/vpc/docs/subnets#valid-ranges"
_NAT = "https://cloud.google.com/nat/docs/public-nat"
_PURPOSES = (
    "PRIVATE",
    "REGIONAL_MANAGED_PROXY",
    "GLOBAL_MANAGED_PROXY",
    "PRIVATE_SERVICE_CONNECT",
    "PEER_MIGRATION",
    "PRIVATE_NAT",
)
_SUBNETS_OF_NAT = (
    "ALL_SUBNETWORKS_ALL_IP_RANGES",
    "ALL_SUBNETWORKS_ALL_PRIMARY_IP_RANGES",
    "LIST_OF_SUBNETWORKS",
)
_LIST = _SUBNETS_OF_NAT[2]


def _subnetwork(project: Project, identifier: str, inputs: Inputs) -> Outputs:
    computed = {**linked("compute")(project, identifier, inputs)}
    known = inputs.get("ipCidrRange", UNKNOWN)
    return computed if known == UNKNOWN else {**computed, "gatewayAddress": _first(known)}


def _network(project: Project, identifier: str, inputs: Inputs) -> Outputs:
    number = str(int(identifier.encode().hex(), 16) % 10**19)
    return {**linked("compute")(project, identifier, inputs), "networkId": number}


def _first(given: str) -> str:
    return str(next(IPv4Network(given).hosts()))


def _ranges_do_not_overlap(inputs: Inputs) -> Iterator[Failure]:
    ranges = [*found(inputs, "ipCidrRange"), *found(inputs, "secondaryIpRanges.*.ipCidrRange")]
    for (_, one), (at, other) in combinations(ranges, 2):
        try:
            overlap = IPv4Network(one).overlaps(IPv4Network(other))
        except ValueError:
            continue  # it is refused already
        if overlap:
            yield Failure(at, f"must not overlap {one}, got {other} ({_SIZES})")


def _shrinks(old: Inputs, new: Inputs) -> Sequence[str]:
    """Return the primary range unless it was there before and all of it stays."""
    before, after = (each.get("ipCidrRange", UNKNOWN) for each in (old, new))
    if before == after:
        return ()
    if UNKNOWN in (before, after):
        return ("ipCidrRange",)
    grows = IPv4Network(before).subnet_of(IPv4Network(after))
    return () if grows else ("ipCidrRange",)


def _is_of_a_proxy(inputs: Inputs) -> bool:
    return inputs.get("purpose") in ("REGIONAL_MANAGED_PROXY", "GLOBAL_MANAGED_PROXY", UNKNOWN)


def _addresses_are_whose_they_are_said_to_be(inputs: Inputs) -> Iterator[Failure]:
    option, given = inputs.get("natIpAllocateOption"), inputs.get("natIps")
    if option == "AUTO_ONLY" and given:
        yield Failure("natIps", f"only with natIpAllocateOption MANUAL_ONLY ({_NAT})")
    if option == "MANUAL_ONLY" and not given and not inputs.get("initialNatIps"):
        yield Failure("natIps", f"natIpAllocateOption MANUAL_ONLY needs some ({_NAT})")
    if option is None and inputs.get("type", "PUBLIC") == "PUBLIC":
        yield Failure("natIpAllocateOption", f"a public NAT needs one ({_NAT})")


def _subnetworks_are_listed(inputs: Inputs) -> Iterator[Failure]:
    wanted: Any = inputs.get("sourceSubnetworkIpRangesToNat")
    if wanted == _LIST and not inputs.get("subnetworks"):
        yield Failure("subnetworks", f"{_LIST} needs some ({_NAT})")


ROWS = (
    ResourceType(
        token="gcp:compute/network:Network",
        docs=f"{_DOCS}network/",
        identify=path("projects/{project}/global/networks/{name}"),
        named_by="name",
        computed=_network,
        replaces=(
            "name",
            "project",
            "autoCreateSubnetworks",
            "description",
            "internalIpv6Range",
            "networkProfile",
            "params",
        ),
        checks=(
            matches("name", NAME, NAMES),
            between("mtu", 1300, 8896, _NETWORK),
            one_of("routingMode", ("REGIONAL", "GLOBAL"), _NETWORK),
            one_of("bgpBestPathSelectionMode", ("LEGACY", "STANDARD"), _NETWORK),
            one_of("bgpInterRegionCost", ("DEFAULT", "ADD_COST_TO_MED"), _NETWORK),
            one_of(
                "networkFirewallPolicyEnforcementOrder",
                ("BEFORE_CLASSIC_FIREWALL", "AFTER_CLASSIC_FIREWALL"),
                _NETWORK,
            ),
        ),
        stays=kept,
    ),
    ResourceType(
        token="gcp:compute/subnetwork:Subnetwork",
        docs=f"{_DOCS}subnetwork/",
        identify=path("projects/{project}/regions/{region}/subnetworks/{name}"),
        named_by="name",
        computed=_subnetwork,
        replaces=(
            "name",
            "project",
            "network",
            "region",
            "description",
            "purpose",
            "externalIpv6Prefix",
            "ipCollection",
            "reservedInternalRange",
            "params",
        ),
        replaces_when=_shrinks,
        checks=(
            matches("name", NAME, NAMES),
            matches("region", REGION, PLACES),
            any_of("ipCidrRange", "reservedInternalRange"),
            cidr("ipCidrRange", 4, 29, _SIZES),
            matches("secondaryIpRanges.*.rangeName", NAME, NAMES),
            cidr("secondaryIpRanges.*.ipCidrRange", 4, 29, _SIZES),
            _ranges_do_not_overlap,
            one_of("purpose", _PURPOSES, _SUBNETWORK),
            one_of("role", ("ACTIVE", "BACKUP"), _SUBNETWORK),
            only_with("role", _is_of_a_proxy, f"only with the purpose of a proxy ({_SUBNETWORK})"),
            only_with(
                "logConfig",
                lambda inputs: not _is_of_a_proxy(inputs) or inputs["purpose"] == UNKNOWN,
                f"not with the purpose of a proxy ({_SUBNETWORK})",
            ),
            one_of("stackType", ("IPV4_ONLY", "IPV4_IPV6", "IPV6_ONLY"), _SUBNETWORK),
            between("logConfig.flowSampling", 0, 1, _SUBNETWORK),
        ),
        stays=kept,
    ),
    ResourceType(
        token="gcp:compute/router:Router",
        docs=f"{_DOCS}router/",
        identify=path("projects/{project}/regions/{region}/routers/{name}"),
        named_by="name",
        computed=linked("compute"),
        replaces=("name", "project", "network", "region", "encryptedInterconnectRouter", "params"),
        checks=(
            matches("name", NAME, NAMES),
            matches("region", REGION, PLACES),
            one_of("bgp.advertiseMode", ("DEFAULT", "CUSTOM"), _ROUTER),
        ),
        stays=kept,
    ),
    ResourceType(
        token="gcp:compute/routerNat:RouterNat",
        docs=f"{_DOCS}routernat/",
        identify=path("{project}/{region}/{router}/{name}"),
        named_by="name",
        replaces=("name", "project", "router", "region", "type", "endpointTypes", "initialNatIps"),
        checks=(
            matches("name", NAME, NAMES),
            matches("region", REGION, PLACES),
            one_of("type", ("PUBLIC", "PRIVATE"), _ROUTER),
            one_of("sourceSubnetworkIpRangesToNat", _SUBNETS_OF_NAT, _ROUTER),
            one_of("natIpAllocateOption", ("AUTO_ONLY", "MANUAL_ONLY"), _ROUTER),
            one_of("logConfig.filter", ("ERRORS_ONLY", "TRANSLATIONS_ONLY", "ALL"), _ROUTER),
            one_of(
                "endpointTypes.*",
                ("ENDPOINT_TYPE_VM", "ENDPOINT_TYPE_SWG", "ENDPOINT_TYPE_MANAGED_PROXY_LB"),
                _ROUTER,
            ),
            exclusive("initialNatIps", "natIps"),
            _addresses_are_whose_they_are_said_to_be,
            _subnetworks_are_listed,
        ),
        stays=kept,
    ),
)
