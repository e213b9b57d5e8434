"""Which pods the Cluster Autoscaler takes off a node, by their annotations, volumes and budgets.

https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md#what-types-of-pods-can-prevent-ca-from-removing-a-node
"""

from collections.abc import Sequence

from sandbox.kubernetes_api import Object, items, section

_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"


def is_of_daemon_set(pod: Object) -> bool:
    """Tell whether a pod goes with its node."""
    return any(owner["kind"] == "DaemonSet" for owner in items(pod, "metadata", "ownerReferences"))


def may_move(pods: Sequence[Object], budgets: Sequence[Object], *, keep_local: bool) -> bool:
    """Tell whether all pods of a node may be evicted; with `keep_local`, not from an emptyDir."""
    for budget in budgets:
        covered = sum(_covers(budget, pod) for pod in pods)
        if covered > section(budget, "status").get("disruptionsAllowed", 0):
            return False
    return all(_is_evictable(pod, keep_local=keep_local) for pod in pods)


def _is_evictable(pod: Object, *, keep_local: bool) -> bool:
    annotations = section(pod, "metadata", "annotations")
    if said := annotations.get(_EVICT):
        return said == "true"
    safe = annotations.get(f"{_EVICT}-local-volumes", "").split(",")
    local = [
        volume["name"]
        for volume in items(pod, "spec", "volumes")
        if "hostPath" in volume
        or ("emptyDir" in volume and volume["emptyDir"].get("medium") != "Memory")
    ]
    lost = [name for name in local if name not in safe] if keep_local else []
    # Nobody would make again what no controller owns.
    return not lost and bool(items(pod, "metadata", "ownerReferences"))


def _covers(budget: Object, pod: Object) -> bool:
    labels = section(budget, "spec", "selector", "matchLabels")
    same = budget["metadata"]["namespace"] == pod["metadata"]["namespace"]
    return same and labels.items() <= section(pod, "metadata", "labels").items()
