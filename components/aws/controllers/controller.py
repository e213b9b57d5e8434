"""What the controllers have in common: where they run, whom they run as, how they are installed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from components.aws.controllers.versions import Chart
from components.aws.on_demand_node_group import ADDED_LABELS
from components.aws.pod_identity import PodIdentity, PodIdentityArgs
from components.kubernetes.registries import through
from components.kubernetes.taints import Taint, tolerations
from components.names import LONGEST_NAME, shortened
from components.spec import Spec

# Priority classes that begin with "system-" may be used here without a quota that allows it.
# https://kubernetes.io/docs/concepts/policy/resource-quotas/#limit-priority-class-consumption-by-default
NAMESPACE = "kube-system"
PRIORITY_CLASS = "system-cluster-critical"

_TIMEOUT_SECONDS = 600
_REVISIONS = 5


@dataclass(frozen=True, kw_only=True)
class ControllerSpec(Spec):
    """Whether a controller is wanted, and on which nodes it may run: not on those that may go."""

    enabled: bool = True
    node_selector: Mapping[str, str] = field(default_factory=lambda: dict(ADDED_LABELS))
    tolerations: tuple[Taint, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ControllerPlace:
    """The cluster that a controller works for, its region, and what images are pulled through."""

    cluster_name: pulumi.Input[str]
    region: str
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    registries: Mapping[str, str] = field(default_factory=dict[str, str])


def identity(
    name: str,
    place: ControllerPlace,
    service_account: str,
    policy: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> PodIdentity:
    """Return the role of a controller's pods; no others can have it."""
    return PodIdentity(
        shortened(name, LONGEST_NAME),
        PodIdentityArgs(
            cluster_name=place.cluster_name,
            namespace=NAMESPACE,
            service_account=service_account,
            policy=policy,
            tags=place.tags,
        ),
        opts,
    )


def release(
    name: str,
    chart: Chart,
    values: Mapping[str, Any],
    place: ControllerPlace,
    opts: pulumi.ResourceOptions,
) -> k8s.helm.v3.Release:
    """Install a chart, or leave nothing behind; its release is named as its resource is."""
    if (image := through(place.registries, chart.image)) != chart.image:
        values = {**values, "image": {**values["image"], "repository": image}}
    repository = None
    if chart.repository:
        repository = k8s.helm.v3.RepositoryOptsArgs(repo=chart.repository)
    return k8s.helm.v3.Release(
        name,
        k8s.helm.v3.ReleaseArgs(
            name=name,
            namespace=NAMESPACE,
            chart=chart.chart,
            version=chart.version,
            values=values,
            atomic=True,
            timeout=_TIMEOUT_SECONDS,
            max_history=_REVISIONS,
            repository_opts=repository,
        ),
        opts=opts,
    )


def placement(spec: ControllerSpec) -> dict[str, Any]:
    """Return the values by which a chart puts its pods on nodes: all charts know them."""
    return {
        "nodeSelector": dict(spec.node_selector),
        "tolerations": tolerations(spec.tolerations),
        "priorityClassName": PRIORITY_CLASS,
    }


def resources(cpu: str, memory: str) -> Mapping[str, Mapping[str, str]]:
    """Return requests, with a limit of memory alone: CPU that nobody wants may be used."""
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}}
