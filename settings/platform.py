"""The section `tfserving:platform`: the cluster that models are served on."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import Field

from components.aws.ami import AmiRelease
from components.aws.eks_cluster import SERVICE_CIDR, EksClusterSpec
from components.aws.network import ZONE_LETTERS, NetworkSpec
from components.aws.on_demand_node_group import OnDemandPoolSpec
from components.aws.spot_node_group import SpotPoolSpec
from components.spec import Fault, rule
from settings.names import DnsLabel

EksPool = Annotated[OnDemandPoolSpec | SpotPoolSpec, Field(discriminator="kind")]


@dataclass(frozen=True, kw_only=True)
class EksSettings(EksClusterSpec):
    """A platform of our own on EKS. Its region is the value of `aws:region`."""

    kind: Literal["eks"]
    region: str
    ami_release: str
    network: NetworkSpec
    pools: Mapping[DnsLabel, EksPool]

    @rule
    def _zones_are_in_the_region(self) -> Iterator[Fault]:
        for number, zone in enumerate(self.network.zones):
            if not re.fullmatch(f"{re.escape(self.region)}[{ZONE_LETTERS}]", zone):
                limit = f"must be a zone of aws:region, such as {self.region}a"
                yield Fault(("network", "zones", number), limit, zone)

    @rule
    def _services_have_addresses_of_their_own(self) -> Iterator[Fault]:
        try:
            overlaps = IPv4Network(self.network.cidr).overlaps(IPv4Network(SERVICE_CIDR))
        except ValueError:
            return
        if overlaps:
            limit = f"must not overlap the addresses of Kubernetes Services, {SERVICE_CIDR}"
            yield Fault(("network", "cidr"), limit, self.network.cidr)

    @rule
    def _nodes_are_of_the_clusters_version(self) -> Iterator[Fault]:
        try:
            fits = AmiRelease.parse(self.ami_release).kubernetes_version == self.kubernetes_version
        except ValueError:
            fits = False
        if not fits:
            limit = f"must be a release for Kubernetes {self.kubernetes_version}, "
            limit += f"such as {self.kubernetes_version}.2-20260724"
            yield Fault(("ami_release",), limit, self.ami_release)

    @rule
    def _there_are_pools(self) -> Iterator[Fault]:
        if not self.pools:
            yield Fault(("pools",), "must be one or more", self.pools)

    @property
    def ami(self) -> AmiRelease:
        """The image of every node."""
        return AmiRelease.parse(self.ami_release)


PlatformSettings = EksSettings
