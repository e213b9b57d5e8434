"""What every stack promises to those who build on it, whichever cloud it runs on."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Annotated, Any, ClassVar, Literal, cast

import pulumi
from pydantic import ConfigDict, GetPydanticSchema

from components.kubernetes.taints import Taint
from planning.drain import Notice

# It goes up by one when a reader has to change; a field more is no reason for that.
CONTRACT_VERSION = 1

# An output when a stack writes it, text when another one reads it.
Text = Annotated[pulumi.Input[str], GetPydanticSchema(lambda _, handler: handler(str))]

# For the JSON Schema: a field with a default is written all the same.
_DOCUMENTED = ConfigDict(
    use_attribute_docstrings=True, json_schema_serialization_defaults_required=True
)


@dataclass(frozen=True, kw_only=True)
class Quantities:
    """CPU, memory and number of pods, as Kubernetes writes them."""

    cpu: str
    memory: str
    pods: str


@dataclass(frozen=True, kw_only=True)
class FallbackPool:
    """On-demand nodes of a Spot pool's shape, for when there is no Spot capacity."""

    minimum: int
    maximum: int
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class NodePool:
    """Equal nodes, what pods have to say to run on them, and how many there may be."""

    __pydantic_config__: ClassVar[ConfigDict] = _DOCUMENTED

    kind: str
    instance_types: tuple[str, ...]
    minimum: int
    maximum: int
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    vcpus: int
    """Of each node, whichever type it is of: at least so many."""
    node_capacity: Quantities
    """What of it pods may have, those of agents included."""
    fallback: FallbackPool | None = None


@dataclass(frozen=True)
class Egress:
    """Where pods have to get to beside names and the internet's port 443."""

    cidr: str
    port: int


@dataclass(frozen=True, kw_only=True)
class LoadBalancers:
    """What puts load balancers in front of models, and where it puts them."""

    __pydantic_config__: ClassVar[ConfigDict] = _DOCUMENTED

    kind: Literal["alb", "gke"]
    """The AWS Load Balancer Controller, or GKE itself."""
    cidrs: tuple[str, ...]
    """Of the network; with `alb` the addresses that connections to pods come from."""
    subnets: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Of `internal` and of `public` ones; without, the controller finds them by their tags."""
    proxy_cidr: str | None = None
    """With `gke`, the addresses that connections of internal gateways to pods come from."""
    subnetwork: Text | None = None
    """With `gke`, where internal gateways have their addresses."""


@dataclass(frozen=True, kw_only=True)
class GoogleProject:
    """The project that a cluster of GKE is in, by whose identities its pods read."""

    id: str
    number: str


@dataclass(frozen=True, kw_only=True)
class PlatformOutputs:
    """The cluster that models are served on."""

    __pydantic_config__: ClassVar[ConfigDict] = _DOCUMENTED

    kind: Literal["eks", "gke", "shared"]
    cluster_name: Text
    region: str
    location: str | None = None
    """Of the control plane: the region, or on GKE one zone of it; null in older stacks."""
    project: GoogleProject | None = None
    """Null but on GKE."""
    pools: Mapping[str, NodePool]
    daemon_sets: Quantities
    """What the agents of each node take of its capacity: an estimate."""
    spot_vcpus: int
    """The vCPUs of Spot quota that all pools reach at their maximum."""
    notice: Notice
    """How long nodes say ahead that they go."""
    egress: tuple[Egress, ...]
    entrance: LoadBalancers | None = None
    """Null when the platform has no controller of load balancers."""
    managed_prometheus: bool = False
    """Whether a PodMonitoring has the metrics of models collected."""
    registries: Mapping[str, str] = field(default_factory=dict[str, str])
    """The places that images are pulled through, by the hosts of their registries."""


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """Where one model is to be had."""

    __pydantic_config__: ClassVar[ConfigDict] = _DOCUMENTED

    version: int
    namespace: str
    rest_url: Text
    """Within the cluster, up to the model's name: `:predict` is to follow."""
    grpc_address: Text
    """Within the cluster, host:port."""
    public_url: Text | None = None
    """The same at a load balancer that the internet reaches; null without one."""
    internal_url: Text | None = None
    """The same at a load balancer that only its network reaches; null without one."""
    load_balanced_grpc_address: Text | None = None
    """Of that load balancer, host:port, over TLS if the port is 443; null unless it takes gRPC."""


@dataclass(frozen=True, kw_only=True)
class StackOutputs:
    """The exported values. Each field is a contract: add freely, never rename or remove."""

    __pydantic_config__: ClassVar[ConfigDict] = _DOCUMENTED

    platform: PlatformOutputs
    kubeconfig: Text
    """A secret."""
    model_bucket: Text
    """A URI, below which `models/<name>/<version>/` are, or the paths that models have."""
    models: Mapping[str, ServedModel]
    contract_version: int = CONTRACT_VERSION

    def export(self) -> None:
        """Export every field under its own name."""
        for name, value in vars(self).items():
            pulumi.export(name, _plain(value))


def _plain(value: object) -> object:
    """Return mappings and lists in place of dataclasses, whose outputs `asdict` would copy."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in cast(Mapping[str, Any], value).items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in cast(list[Any], value)]
    return value
