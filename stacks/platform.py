"""What serving needs of a platform, whichever cloud it is on and whoever built it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pulumi
import pulumi_kubernetes as k8s

from components.kubernetes.exposure import Addresses, Backend, ExposureSpec
from components.kubernetes.model_fetch import ModelRemote
from planning.drain import Notice
from planning.placement import Pool
from stacks.outputs import Egress, PlatformOutputs


class ModelStore(Protocol):
    """Where models are: how files get there, and how pods are allowed to read them."""

    @property
    def uri(self) -> pulumi.Output[str]:
        """The bucket, with its scheme."""
        ...

    @property
    def remote(self) -> ModelRemote:
        """The bucket, as a pod's fetcher is told of it."""
        ...

    def upload(self, name: str, key: str, path: str, digest: str) -> pulumi.Resource:
        """Put a file of this project into the bucket; the digest says when to do so again."""
        ...

    def allow(
        self, name: str, *, namespace: str, service_account: str, prefixes: Sequence[str]
    ) -> pulumi.Resource:
        """Let the pods of a service account read what is below prefixes, and nothing else."""
        ...


class Entrance(Protocol):
    """What lets requests into the cluster from outside: a kind of load balancer."""

    def sources(self, spec: ExposureSpec) -> Sequence[str]:
        """Return the addresses that its connections to pods come from."""
        ...

    @property
    def namespace_labels(self) -> Mapping[str, str]:
        """What namespaces must have as labels whose pods it reaches."""
        ...

    def expose(
        self, name: str, spec: ExposureSpec, backend: Backend, opts: pulumi.ResourceOptions
    ) -> Addresses:
        """Put a load balancer in front of a Service."""
        ...


class Monitoring(Protocol):
    """What collects the metrics of pods."""

    @property
    def namespaces(self) -> Sequence[str]:
        """Where its own pods are, which ask the models' pods."""
        ...

    def watch(
        self,
        name: str,
        namespace: pulumi.Input[str],
        labels: Mapping[str, str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        """Have the metrics of the pods with these labels collected."""
        ...


@dataclass(frozen=True, kw_only=True)
class Platform:
    """A cluster to serve models on."""

    description: PlatformOutputs
    kubeconfig: pulumi.Output[str]
    kubernetes: k8s.Provider
    models: ModelStore
    capacity: Sequence[pulumi.Resource]
    """What has to be there before a pod can run: node pools, add-ons."""
    notice: Notice
    """What the nodes of models give."""
    pools: Mapping[str, Pool] = field(default_factory=dict[str, Pool])
    """The nodes, as planning sees them."""
    entrance: Entrance | None = None
    """Nothing when the platform has no controller of load balancers."""
    monitoring: Monitoring | None = None
    """Nothing when metrics are somebody else's to collect."""
    egress: Sequence[Egress] = ()
