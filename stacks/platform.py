"""What serving needs of a platform, whichever cloud it is on and whoever built it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pulumi
import pulumi_kubernetes as k8s

from components.kubernetes.model_fetch import ModelRemote


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
        self, name: str, *, namespace: str, service_account: str, prefix: str
    ) -> pulumi.Resource:
        """Let the pods of a service account read what is below a prefix, and nothing else."""
        ...


@dataclass(frozen=True, kw_only=True)
class Platform:
    """A cluster to serve models on."""

    description: pulumi.Input[Mapping[str, object]]
    kubeconfig: pulumi.Output[str]
    kubernetes: k8s.Provider
    models: ModelStore
    capacity: Sequence[pulumi.Resource]
    """What has to be there before a pod can run: node pools, add-ons."""
