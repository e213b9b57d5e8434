"""Nodes made from the instances of node pools, named and labelled as GKE does it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.errors import SandboxError
from sandbox.gke.allocatable import Allocatable
from sandbox.gke.machine_sizes import family_of, size_of
from sandbox.gke.node_pools import Instance, NodePool
from sandbox.kubernetes_api import Object, items, section
from sandbox.nodes import INSTANCE

GIVEN = "sandbox.tfserving.dev/given"
"""The annotation of a Node that keeps the labels and taints that its pool gave it."""

MACHINE_TYPE = "e2-medium"
"""GKE's own default, as is the size of the disk."""

_DISK_GIB = 100
_PODS = 110
_EFFECTS: Mapping[str, str] = {
    "NO_SCHEDULE": "NoSchedule",
    "PREFER_NO_SCHEDULE": "PreferNoSchedule",
    "NO_EXECUTE": "NoExecute",
}
_ARM = "arm64"
_HOST, _ARCHITECTURE = "kubernetes.io/hostname", "kubernetes.io/arch"
_POOL, _FAMILY = "cloud.google.com/gke-nodepool", "cloud.google.com/machine-family"
_SYSTEM, _INSTANCE_TYPE = "kubernetes.io/os", "node.kubernetes.io/instance-type"
_REGION, _ZONE = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"
_SPOT, _PREEMPTIBLE = "cloud.google.com/gke-spot", "cloud.google.com/gke-preemptible"

SET_BY_GKE = (_POOL, _FAMILY, _INSTANCE_TYPE, _REGION, _ZONE, _SPOT, _PREEMPTIBLE)
"""Labels that a pool cannot give its nodes, since they tell what is so."""


def node(pool: NodePool, instance: Instance, project: str) -> Object:
    """Return the Node that an instance of a pool registers as.

    Raises:
        SandboxError: its machine type is none that is known here.
    """
    labels, taints = labels_of(pool, instance), taints_of(pool)
    resources = resources_of(pool, instance.node_config)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": instance.name,
            "annotations": {INSTANCE: instance.name, GIVEN: _given(labels, taints)},
            "labels": labels,
        },
        "spec": {
            "providerID": f"gce://{project}/{instance.zone}/{instance.name}",
            "taints": taints,
        },
        "status": {
            "capacity": resources.capacity,
            "allocatable": resources.allocatable,
            "addresses": [
                {"type": "InternalIP", "address": instance.address},
                {"type": "Hostname", "address": instance.name},
            ],
        },
    }


def labels_of(pool: NodePool, instance: Instance) -> dict[str, str]:
    """Return the labels of an instance's Node: its pool's, and those that GKE sets."""
    return {
        **_labels(pool, instance.node_config, instance.zone),
        _HOST: instance.name,
    }


def new_labels(pool: NodePool, zone: str) -> dict[str, str]:
    """Return the labels that a new Node of a pool will have, but for its name."""
    return _labels(pool, pool.node_config, zone)


def taints_of(pool: NodePool) -> list[Object]:
    """Return the taints that a pool gives its Nodes, with that of Arm machines.

    https://docs.cloud.google.com/kubernetes-engine/docs/how-to/prepare-arm-workloads-for-deployment
    """
    given: list[Mapping[str, str]] = [*(pool.node_config.get("taints") or [])]
    size = size_of(_machine_type(pool.node_config))
    config: Mapping[str, Any] = pool.node_config.get("taintConfig") or {}
    if size and size.architecture == _ARM and config.get("architectureTaintBehavior") != "NONE":
        given.append({"key": _ARCHITECTURE, "value": _ARM, "effect": "NO_SCHEDULE"})
    return [
        {
            "key": taint["key"],
            "effect": _EFFECTS.get(taint["effect"], taint["effect"]),
            **({"value": taint["value"]} if taint.get("value") else {}),
        }
        for taint in given
    ]


def resources_of(pool: NodePool, node_config: Mapping[str, Any]) -> Allocatable:
    """Return what a Node of a pool has, when it was made with this configuration."""
    machine_type = _machine_type(node_config)
    size = size_of(machine_type)
    if size is None:
        raise SandboxError(f"node pool {pool.name}: the sandbox knows no machine {machine_type}")
    pods = int(pool.inputs.get("maxPodsPerNode") or _PODS)
    return Allocatable(size, pods, int(node_config.get("diskSizeGb") or _DISK_GIB))


def change(present: Object, wanted: Object) -> Object | None:
    """Return the patch that gives a Node its pool's labels and taints; None if it has them.

    What others gave it since stays.
    """
    given = wanted["metadata"]["annotations"].get(GIVEN)
    had = section(present, "metadata", "annotations").get(GIVEN)
    if given == had:
        return None
    before = json.loads(had or "{}")
    labels = {**dict.fromkeys(section(before, "labels")), **wanted["metadata"]["labels"]}
    keys = {(taint["key"], taint["effect"]) for taint in items(before, "taints")}
    others = [
        taint
        for taint in items(present, "spec", "taints")
        if (taint["key"], taint["effect"]) not in keys
    ]
    return {
        "metadata": {"labels": labels, "annotations": {GIVEN: given}},
        "spec": {"taints": [*wanted["spec"]["taints"], *others]},
    }


def _labels(pool: NodePool, node_config: Mapping[str, Any], zone: str) -> dict[str, str]:
    machine_type = _machine_type(node_config)
    size = size_of(machine_type)
    return {
        **dict(_own_labels(pool, node_config)),
        _POOL: pool.name,
        _FAMILY: family_of(machine_type),
        _ARCHITECTURE: size.architecture if size else "amd64",
        _SYSTEM: "linux",
        _INSTANCE_TYPE: machine_type,
        _REGION: zone.rpartition("-")[0],
        _ZONE: zone,
    }


def _own_labels(pool: NodePool, node_config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from (pool.node_config.get("labels") or {}).items()
    if node_config.get("spot"):
        yield _SPOT, "true"
    if node_config.get("preemptible"):
        yield _PREEMPTIBLE, "true"


def _machine_type(node_config: Mapping[str, Any]) -> str:
    return node_config.get("machineType") or MACHINE_TYPE


def _given(labels: Mapping[str, str], taints: list[Object]) -> str:
    return json.dumps({"labels": labels, "taints": taints}, sort_keys=True)
