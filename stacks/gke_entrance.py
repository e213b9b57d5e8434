"""The ways into a GKE cluster: a load balancer for each model, of connections or of requests."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.gcp.gateway import GatewayExposure, GatewayExposureArgs
from components.gcp.load_balancer import ServiceLoadBalancer, ServiceLoadBalancerArgs
from components.kubernetes.exposure import Addresses, Backend, ExposureSpec
from settings.exposure import GKE_KINDS
from stacks.outputs import LoadBalancers

_WORLD = ("0.0.0.0/0",)
# Where Google's own proxies and health checks come from.
# https://docs.cloud.google.com/load-balancing/docs/firewall-rules
_GOOGLE = ("35.191.0.0/16", "130.211.0.0/22")


@dataclass(frozen=True, kw_only=True)
class GkeEntrance:
    """Load balancers that GKE makes of Services and Gateways."""

    place: LoadBalancers
    region: str

    def sources(self, spec: ExposureSpec) -> Sequence[str]:
        """Return whom pods see: clients themselves, or the proxies of a gateway."""
        if _kind(spec) == "gateway":
            proxies = (self.place.proxy_cidr,) if self.place.proxy_cidr else ()
            return (*_GOOGLE, *(proxies if spec.scope == "internal" else ()))
        return spec.cidrs or (self.place.cidrs if spec.scope == "internal" else _WORLD)

    @property
    def namespace_labels(self) -> dict[str, str]:
        """Nothing: GKE needs no word for it."""
        return {}

    def expose(
        self, name: str, spec: ExposureSpec, backend: Backend, opts: pulumi.ResourceOptions
    ) -> Addresses:
        """Put a load balancer in front of a Service."""
        if _kind(spec) == "gateway":
            gateway = GatewayExposureArgs(
                spec=spec,
                backend=backend,
                region=self.region,
                subnetwork=self.place.subnetwork,
            )
            return GatewayExposure(name, gateway, opts).addresses
        service = ServiceLoadBalancerArgs(spec=spec, backend=backend)
        return ServiceLoadBalancer(name, service, opts).addresses


def _kind(spec: ExposureSpec) -> str:
    return spec.kind or GKE_KINDS[0]
