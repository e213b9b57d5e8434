"""The end of Spot VMs: the notice, and what kubelet's graceful node shutdown makes of it.

Pods are not evicted: kubelet ends them, the critical ones last, and they stay as failed ones until
their node is gone; only then, or when they have failed, others are made in their place. kwok keeps
the node Ready, where a kubelet would not, so that a taint has to keep new pods away.
https://docs.cloud.google.com/kubernetes-engine/docs/concepts/spot-vms
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.gke.node_pools import Instance, NodePools
from sandbox.kubernetes_api import KubernetesApi, Object, items, section
from sandbox.rounds import unless_it_changed

TERMINATES = {"key": "cloud.google.com/impending-node-termination", "effect": "NoSchedule"}
"""The taint of a node that was told that it ends."""

_TOTAL_SECONDS = 30
_CRITICAL_SECONDS = 15
_CRITICAL_PRIORITY = 2_000_000_000
_BY_KUBELET = "TerminationByKubelet"
_MESSAGE = "Pod was terminated in response to imminent node shutdown."


def notice_seconds(node_config: Mapping[str, Any]) -> int:
    """Return for how long a Spot VM lives after its notice."""
    return _graces(node_config)[0]


class Shutdowns:
    """The nodes of one cluster that were told that they end."""

    def __init__(self, pools: NodePools, api: KubernetesApi) -> None:
        self._pools, self._api = pools, api

    def reconcile(self) -> None:
        """End pods when their time has come, and then the instances; their groups start others."""
        told = {
            each.name: (pool.name, each)
            for pool in self._pools.all()
            for each in pool.instances
            if each.ends is not None
        }
        if not told:
            return
        pods: dict[str, list[Object]] = defaultdict(list)
        for pod in self._api.list("v1", "Pod"):
            pods[pod["spec"].get("nodeName", "")].append(pod)
        for node in self._api.list("v1", "Node"):
            if node["metadata"]["name"] in told:
                self._taint(node)
        for name, (pool, instance) in told.items():
            if (instance.ends or 0) <= time.time():
                self._pools.end(pool, name, shrink=False)
            else:
                for pod in filter(_lives, pods[name]):
                    self._end(pod, instance)

    def _taint(self, node: Object) -> None:
        taints = items(node, "spec", "taints")
        if TERMINATES["key"] not in (taint["key"] for taint in taints):
            body = {"spec": {"taints": [*taints, TERMINATES]}}
            self._api.patch("v1", "Node", node["metadata"]["name"], body)

    def _end(self, pod: Object, instance: Instance) -> None:
        total, critical = _graces(instance.node_config)
        is_critical = pod["spec"].get("priority", 0) >= _CRITICAL_PRIORITY
        begins = (instance.noticed or 0) + (total - critical if is_critical else 0)
        grace = pod["spec"].get("terminationGracePeriodSeconds", 30)
        ends = begins + min(grace, critical if is_critical else total - critical)
        now = time.time()
        if now >= ends:
            status = {"phase": "Failed", "reason": "Terminated", "message": _MESSAGE}
            self._patch(pod, {**status, "conditions": [*_conditions(pod)]})
        elif now >= begins and not _is_ending(pod):
            self._patch(pod, {"conditions": [*_conditions(pod)]})

    def _patch(self, pod: Object, status: Object) -> None:
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        body = {"status": status}
        with unless_it_changed():
            self._api.patch("v1", "Pod", name, body, namespace, subresource="status")


def _graces(node_config: Mapping[str, Any]) -> tuple[int, int]:
    kubelet: Mapping[str, Any] = node_config.get("kubeletConfig") or {}
    total = kubelet.get("shutdownGracePeriodSeconds")
    critical = kubelet.get("shutdownGracePeriodCriticalPodsSeconds")
    return (
        int(_TOTAL_SECONDS if total is None else total),
        int(_CRITICAL_SECONDS if critical is None else critical),
    )


def _lives(pod: Object) -> bool:
    ended = pod["status"].get("phase") in ("Succeeded", "Failed")
    return not ended and "deletionTimestamp" not in pod["metadata"]


def _is_ending(pod: Object) -> bool:
    reasons = (each.get("reason") for each in items(section(pod, "status"), "conditions"))
    return _BY_KUBELET in reasons


def _conditions(pod: Object) -> Iterator[Object]:
    """Return a pod's conditions as kubelet leaves them: not ready, since it ends the pod."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for each in items(section(pod, "status"), "conditions"):
        if each["type"] in ("Ready", "ContainersReady"):
            yield {**each, "status": "False", "reason": "PodFailed", "lastTransitionTime": now}
        elif each["type"] != "DisruptionTarget":
            yield each
    yield {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": _BY_KUBELET,
        "message": _MESSAGE,
        "lastTransitionTime": now,
    }
