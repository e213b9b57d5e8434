"""How a model is reached from outside of its cluster."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pulumi

from components.cidrs import unreadable_networks, world
from components.spec import Fault, Spec, rule

ExposureKind = Literal["alb", "load_balancer", "gateway"]


@dataclass(frozen=True, kw_only=True)
class ExposureSpec(Spec):
    """A load balancer in front of a model: internal, or public to those who are named.

    Without `cidrs` an internal one takes requests from its own network, and a public one from
    anywhere. With a certificate it speaks TLS only. What kinds there are, and which takes gRPC or a
    certificate, is its platform's: without a kind it is the first of these.
    """

    kind: ExposureKind | None = None
    scope: Literal["internal", "public"] = "internal"
    cidrs: tuple[str, ...] = ()
    certificate: str | None = None
    open_to_world: bool = False
    grpc: bool = False

    @rule
    def _networks_can_be_read(self) -> Iterator[Fault]:
        yield from unreadable_networks("cidrs", self.cidrs)

    @rule
    def _the_public_is_named(self) -> Iterator[Fault]:
        named = self.cidrs or self.certificate or self.open_to_world
        if self.scope == "public" and not named:
            limit = "must come with cidrs, a certificate, or open_to_world: true"
            yield Fault(("scope",), limit, self.scope)

    @rule
    def _the_world_is_meant(self) -> Iterator[Fault]:
        if self.scope == "public" and not self.open_to_world:
            yield from world("cidrs", self.cidrs)

    @rule
    def _what_is_internal_is_closed(self) -> Iterator[Fault]:
        if self.scope == "internal" and self.open_to_world:
            yield Fault(("open_to_world",), "must come with scope: public", self.open_to_world)


@dataclass(frozen=True, kw_only=True)
class Backend:
    """The Service of a model, and what a load balancer in front of it has to know."""

    namespace: pulumi.Input[str]
    service: pulumi.Input[str]
    models: Sequence[str]
    """The names under which the server serves: /v1/models/NAME."""
    health_path: str
    deregistration_seconds: int
    selector: Mapping[str, str] = field(default_factory=dict[str, str])
    """The labels of the Service's pods, for a load balancer that has a Service of its own."""
    rest_port: int = 8501
    grpc_port: int = 8500


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where a load balancer is reached: a URL without a path, and host:port if it takes gRPC."""

    rest_url: pulumi.Output[str]
    grpc_address: pulumi.Output[str] | None = None
