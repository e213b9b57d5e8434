"""Where a cluster is: a VPC network of our own, or one that is there already."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import combinations
from typing import Annotated, Any, cast

import pulumi
import pulumi_gcp as gcp
from pydantic import Discriminator, Tag

from components.names import shortened
from components.spec import Fault, Spec, rule

PODS_RANGE, SERVICES_RANGE = "pods", "services"

# The largest and the smallest prefix of each: those of GKE, and of proxies.
# https://cloud.google.com/kubernetes-engine/docs/concepts/alias-ips#cluster_sizing
# https://cloud.google.com/load-balancing/docs/proxy-only-subnets
_SIZES: Mapping[str, tuple[int, int]] = {
    "cidr": (8, 29),
    "pods_cidr": (9, 24),
    "services_cidr": (16, 27),
    "proxy_cidr": (8, 26),
}
# https://cloud.google.com/vpc/docs/subnets#prohibited-ranges
_PROHIBITED: Mapping[IPv4Network, str] = {
    IPv4Network("0.0.0.0/8"): "of no network",
    IPv4Network("127.0.0.0/8"): "loopback",
    IPv4Network("169.254.0.0/16"): "link-local",
    IPv4Network("199.36.153.4/30"): "restricted.googleapis.com",
    IPv4Network("199.36.153.8/30"): "private.googleapis.com",
    IPv4Network("224.0.0.0/4"): "multicast",
    IPv4Network("255.255.255.255/32"): "broadcast",
}
# https://cloud.google.com/kubernetes-engine/docs/how-to/alias-ips
_DOCKER: Mapping[IPv4Network, str] = {IPv4Network("172.17.0.0/16"): "the Docker bridge of nodes"}
# What a node takes of the range for Pods when it may have 110 of them, which is the default.
# https://cloud.google.com/kubernetes-engine/docs/how-to/flexible-pod-cidr
_NODE_PREFIX = 24
# https://cloud.google.com/vpc/docs/subnets#unusable-ip-addresses-in-every-subnet
_UNUSABLE = 4

# Of 63 characters, with what is added here and by Pulumi: a hyphen and seven digits.
_LONGEST_PREFIX = 63 - len("-proxies") - 8

_NAME = r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
_PROJECT = r"projects/[a-z0-9.:-]+"


@dataclass(frozen=True, kw_only=True)
class NetworkSpec(Spec):
    """The addresses of a VPC network, and whether its nodes reach the internet.

    Internal Gateways need addresses for their proxies. Without `nat` nodes reach Google's own
    services only: every image must be in Artifact Registry, or be had through it.
    """

    cidr: str
    pods_cidr: str
    services_cidr: str
    proxy_cidr: str | None = None
    nat: bool = True

    @rule
    def _networks_are_of_a_size_that_is_taken(self) -> Iterator[Fault]:
        for key, (largest, smallest) in _SIZES.items():
            cidr = getattr(self, key)
            network = _network(cidr)
            if cidr is not None and (
                network is None or not largest <= network.prefixlen <= smallest
            ):
                limit = f"must be an IPv4 network from /{largest} to /{smallest}"
                yield Fault((key,), limit, cidr)

    @rule
    def _networks_are_none_of_others(self) -> Iterator[Fault]:
        for key in _SIZES:
            yield from _taken(key, getattr(self, key), {**_PROHIBITED, **_DOCKER})

    @rule
    def _networks_do_not_overlap(self) -> Iterator[Fault]:
        networks = {key: _network(getattr(self, key)) for key in _SIZES}
        known = {key: network for key, network in networks.items() if network is not None}
        for (one, network), (other, another) in combinations(known.items(), 2):
            if network.overlaps(another):
                yield Fault((other,), f"must not overlap {one}, {network}", str(another))

    @property
    def most_nodes(self) -> int:
        """How many nodes there are addresses for: their own, and those of their pods."""
        nodes = IPv4Network(self.cidr).num_addresses - _UNUSABLE
        return min(nodes, 2 ** (_NODE_PREFIX - IPv4Network(self.pods_cidr).prefixlen))


@dataclass(frozen=True, kw_only=True)
class ExistingNetworkSpec(Spec):
    """A network and a subnetwork of it that somebody else looks after: ranges and NAT included.

    Those of a Shared VPC are named by their paths, with its project.
    """

    network: str
    subnetwork: str
    pods_range: str
    services_range: str
    cidr: str | None = None
    proxy_cidr: str | None = None

    @rule
    def _names_are_names(self) -> Iterator[Fault]:
        paths = {
            "network": f"{_PROJECT}/global/networks/{_NAME}",
            "subnetwork": f"{_PROJECT}/regions/[a-z0-9-]+/subnetworks/{_NAME}",
        }
        for key, path in paths.items():
            if not re.fullmatch(f"{_NAME}|{path}", given := getattr(self, key)):
                example = path.replace(_PROJECT, "projects/PROJECT").replace(_NAME, "NAME")
                example = example.replace("[a-z0-9-]+", "REGION")
                yield Fault((key,), f"must be the name of a {key}, or {example}", given)
        for key in ("pods_range", "services_range"):
            if not re.fullmatch(_NAME, given := getattr(self, key)):
                yield Fault((key,), "must be the name of a secondary range", given)

    @rule
    def _networks_can_be_read(self) -> Iterator[Fault]:
        for key in ("cidr", "proxy_cidr"):
            given: str | None = getattr(self, key)
            if given is not None and _network(given) is None:
                yield Fault((key,), "must be an IPv4 network, such as 10.60.0.0/20", given)

    @rule
    def _networks_are_none_of_others(self) -> Iterator[Fault]:
        # All of a network may have addresses beside Docker's; of its nodes GKE says that itself.
        for key in ("cidr", "proxy_cidr"):
            yield from _taken(key, getattr(self, key), _PROHIBITED)


def _taken(key: str, cidr: str | None, by: Mapping[IPv4Network, str]) -> Iterator[Fault]:
    network = _network(cidr)
    for other, what in by.items():
        if network is not None and network.overlaps(other):
            yield Fault((key,), f"must not overlap {other}, {what}", cidr)


def _network(cidr: str | None) -> IPv4Network | None:
    try:
        return None if cidr is None else IPv4Network(cidr)
    except ValueError:
        return None


def _which_network(given: Any) -> str:
    keys = cast(Mapping[str, Any], given) if isinstance(given, Mapping) else ()
    return "[existing]" if isinstance(given, ExistingNetworkSpec) or "network" in keys else "[new]"


AnyNetworkSpec = Annotated[
    Annotated[NetworkSpec, Tag("[new]")] | Annotated[ExistingNetworkSpec, Tag("[existing]")],
    Discriminator(_which_network),
]
"""A network of our own, or with `network` an existing one."""


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """What the network is and in which region."""

    spec: NetworkSpec
    region: str


class Network(pulumi.ComponentResource):
    """Addresses for nodes, pods and Services, and the way out that the spec names."""

    network: pulumi.Output[str]
    subnetwork: pulumi.Output[str]
    pods_range: str
    services_range: str

    def __init__(
        self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:Network", name, {}, opts)
        spec = args.spec
        child = pulumi.ResourceOptions(parent=self)
        short = shortened(name, _LONGEST_PREFIX)

        network = gcp.compute.Network(
            f"{short}-vpc", auto_create_subnetworks=False, routing_mode="REGIONAL", opts=child
        )
        subnetwork = gcp.compute.Subnetwork(
            f"{short}-nodes",
            network=network.id,
            region=args.region,
            ip_cidr_range=spec.cidr,
            secondary_ip_ranges=[
                {"range_name": PODS_RANGE, "ip_cidr_range": spec.pods_cidr},
                {"range_name": SERVICES_RANGE, "ip_cidr_range": spec.services_cidr},
            ],
            # Nodes have no addresses of the internet, and Google's services are there.
            private_ip_google_access=True,
            opts=child,
        )
        if spec.proxy_cidr is not None:
            gcp.compute.Subnetwork(
                f"{short}-proxies",
                network=network.id,
                region=args.region,
                ip_cidr_range=spec.proxy_cidr,
                purpose="REGIONAL_MANAGED_PROXY",
                role="ACTIVE",
                opts=child,
            )
        if spec.nat:
            router = gcp.compute.Router(
                f"{short}-router", network=network.id, region=args.region, opts=child
            )
            gcp.compute.RouterNat(
                f"{short}-nat",
                router=router.name,
                region=args.region,
                nat_ip_allocate_option="AUTO_ONLY",
                source_subnetwork_ip_ranges_to_nat="ALL_SUBNETWORKS_ALL_IP_RANGES",
                log_config={"enable": True, "filter": "ERRORS_ONLY"},
                opts=child,
            )

        self.network = network.name
        self.subnetwork = subnetwork.name
        self.pods_range = PODS_RANGE
        self.services_range = SERVICES_RANGE
        self.register_outputs(
            {
                "network": self.network,
                "subnetwork": self.subnetwork,
                "pods_range": self.pods_range,
                "services_range": self.services_range,
            }
        )
