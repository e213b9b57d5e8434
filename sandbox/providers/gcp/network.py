"""Rows of VPC networks: recorded after their checks, since nothing is started in them here."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from ipaddress import IPv4Network
from itertools import combinations
from typing import Any

from sandbox.providers.checks import (
    any_of,
    between,
    cidr,
    exclusive,
    found,
    matches,
    one_of,
    ordered,
)
from sandbox.providers.gcp.checks import NAME, NAMES, only_with, region
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
_PROXIES = "https://cloud.google.com/load-balancing/docs/proxy-only-subnets"
_OF_PROXIES = ("REGIONAL_MANAGED_PROXY", "GLOBAL_MANAGED_PROXY")
_PURPOSES = (
    "PRIVATE",
    *_OF_PROXIES,
    "PRIVATE_SERVICE_CONNECT",
    "PEER_MIGRATION",
    "PRIVATE_NAT",
)
_LIST = "LIST_OF_SUBNETWORKS"
_PORTS_OF_VMS = "https://cloud.google.com/nat/docs/ports-and-addresses"
_PORTS = (2, 65536)
# https://cloud.google.com/vpc/docs/subnets#prohibited-ranges
_PROHIBITED = (
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "199.36.153.4/30",
    "199.36.153.8/30",
    "224.0.0.0/4",
    "255.255.255.255/32",
)
_PRIVATE_ASNS = (range(64512, 65535), range(4200000000, 4294967295))
_PARTNERS_ASN = 16550


def _subnetwork(project: Project, identifier: str, inputs: Inputs) -> Outputs:
    computed = {**linked("compute")(project, identifier, inputs)}
    known = inputs.get("ipCidrRange", UNKNOWN)
    return computed if known == UNKNOWN else {**computed, "gatewayAddress": _first(known)}


def _network(project: Project, identifier: str, inputs: Inputs) -> Outputs:
    number = str(int(identifier.encode().hex(), 16) % 10**19)
    return {**linked("compute")(project, identifier, inputs), "networkId": number}


def _first(given: str) -> str:
    return str(next(IPv4Network(given).hosts()))


def _addresses_are_given(inputs: Inputs) -> Iterator[Failure]:
    if inputs.get("stackType") not in ("IPV6_ONLY", UNKNOWN):
        yield from any_of("ipCidrRange", "reservedInternalRange")(inputs)


def _ranges_may_be_used(inputs: Inputs) -> Iterator[Failure]:
    for at, given, network in _ranges(inputs):
        for prohibited in _PROHIBITED:
            if network.overlaps(IPv4Network(prohibited)):
                yield Failure(at, f"must not be in {prohibited}, got {given} ({_SIZES})")


def _ranges_have_names_of_their_own(inputs: Inputs) -> Iterator[Failure]:
    given = [*found(inputs, "secondaryIpRanges.*.rangeName")]
    for (_, one), (at, other) in combinations(given, 2):
        if one == other:
            yield Failure(at, f"must be the only range of that name, got {other!r} twice")


def _ranges(inputs: Inputs) -> Iterator[tuple[str, str, IPv4Network]]:
    for at, given in (
        *found(inputs, "ipCidrRange"),
        *found(inputs, "secondaryIpRanges.*.ipCidrRange"),
    ):
        with suppress(ValueError):  # it is refused already
            yield at, given, IPv4Network(given)


def _ranges_do_not_overlap(inputs: Inputs) -> Iterator[Failure]:
    for (_, given, one), (at, more, other) in combinations(_ranges(inputs), 2):
        if one.overlaps(other):
            yield Failure(at, f"must not overlap {given}, got {more} ({_SIZES})")


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
    return inputs.get("purpose") in (*_OF_PROXIES, UNKNOWN)


def _proxies_have_a_role(inputs: Inputs) -> Iterator[Failure]:
    if inputs.get("purpose") in _OF_PROXIES and inputs.get("role") is None:
        yield Failure("role", f"must be ACTIVE or BACKUP with the purpose of a proxy ({_PROXIES})")


def _asn_is_private(inputs: Inputs) -> Iterator[Failure]:
    for at, number in found(inputs, "bgp.asn"):
        if number != _PARTNERS_ASN and not any(number in numbers for numbers in _PRIVATE_ASNS):
            limit = f"must be a private one of RFC 6996, or {_PARTNERS_ASN}, got {number}"
            yield Failure(at, f"{limit} ({_ROUTER})")


def _ports_move_only_where_they_may(inputs: Inputs) -> Iterator[Failure]:
    dynamic = inputs.get("enableDynamicPortAllocation")
    if dynamic is True and inputs.get("enableEndpointIndependentMapping") is True:
        given = "not with enableEndpointIndependentMapping"
        yield Failure("enableDynamicPortAllocation", f"{given} ({_PORTS_OF_VMS})")
    for at, ports in (*found(inputs, "minPortsPerVm"), *found(inputs, "maxPortsPerVm")):
        if dynamic is True and ports & (ports - 1):
            limit = f"must be a power of two with enableDynamicPortAllocation, got {ports}"
            yield Failure(at, f"{limit} ({_PORTS_OF_VMS})")
    if inputs.get("maxPortsPerVm") is not None and not dynamic:
        yield Failure("maxPortsPerVm", f"only with enableDynamicPortAllocation ({_PORTS_OF_VMS})")


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
            region("region"),
            _addresses_are_given,
            cidr("ipCidrRange", 4, 29, _SIZES),
            matches("secondaryIpRanges.*.rangeName", NAME, NAMES),
            cidr("secondaryIpRanges.*.ipCidrRange", 4, 29, _SIZES),
            _ranges_may_be_used,
            _ranges_do_not_overlap,
            _ranges_have_names_of_their_own,
            one_of("purpose", _PURPOSES, _SUBNETWORK),
            _proxies_have_a_role,
            only_with("role", _is_of_a_proxy, f"only with the purpose of a proxy ({_SUBNETWORK})"),
            only_with(
                "logConfig",
                lambda inputs: not _is_of_a_proxy(inputs) or inputs["purpose"] == UNKNOWN,
                f"not with the purpose of a proxy ({_SUBNETWORK})",
            ),
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
            region("region"),
            _asn_is_private,
            between("bgp.keepaliveInterval", 20, 60, _ROUTER),
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
            region("region"),
            exclusive("initialNatIps", "natIps"),
            _addresses_are_whose_they_are_said_to_be,
            _subnetworks_are_listed,
            between("minPortsPerVm", *_PORTS, _PORTS_OF_VMS),
            between("maxPortsPerVm", *_PORTS, _PORTS_OF_VMS),
            ordered("minPortsPerVm", "maxPortsPerVm"),
            _ports_move_only_where_they_may,
        ),
        stays=kept,
    ),
)
