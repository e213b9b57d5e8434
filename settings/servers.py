"""What a model's pods ask of the nodes that they may run on: room, threads, time to leave."""

from collections.abc import Iterable, Iterator, Mapping
from math import ceil
from typing import Protocol

from components.kubernetes import taints
from components.kubernetes.model_fetch import FETCH_REQUESTS
from components.kubernetes.pod import LIFECYCLE, Lifecycle
from components.kubernetes.quantities import parse_quantity
from components.kubernetes.resources import larger
from components.spec import Fault
from planning import drain
from planning.capacity import Resources
from planning.drain import DoesNotFit, Drain, Notice
from planning.placement import Pods, Pool, Taint
from settings.models import ModelSettings

EVERYWHERE: Mapping[str, str] = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
"""Labels that each node has, whoever makes it."""

# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
# The handler asks its queue every few seconds, and taints a node before it evicts its pods.
EKS_NOTICE = Notice(seconds=120, reaction_seconds=15)
# Nodes that nobody takes away are drained by the autoscaler, which gives pods so long at most.
# https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md
LASTING_NOTICE = Notice(seconds=600, reaction_seconds=15)
"""Of nodes that are not Spot."""

_MIB = 1024**2
# Until every node's proxy has taken a pod out of a Service: seconds, but nobody says how many.
_PROXY_SECONDS = 5
# Until a load balancer's controller has seen the pod go, and its call has had effect.
# https://docs.aws.amazon.com/eks/latest/best-practices/load-balancing.html
_LOAD_BALANCER_SECONDS = 15


class Amounts(Protocol):
    """CPU and memory, as Kubernetes writes them."""

    @property
    def cpu(self) -> str:
        """Cores, such as 500m."""
        ...

    @property
    def memory(self) -> str:
        """Bytes, such as 2Gi."""
        ...


def model_pods(model: ModelSettings) -> Pods | None:
    """Return a model's pods as planning sees them, or nothing if too little of it is sound."""
    try:
        # The fetcher is done before the server starts: the larger request is the pod's.
        return Pods(
            size=requested(larger(model.requests, FETCH_REQUESTS)),
            maximum=max(model.replicas.maximum, 0),
            selector=model.node_selector,
            tolerations=as_planned([*vars(model)["tolerations"], *model.implied_tolerations]),
        )
    except (AttributeError, KeyError, ValueError):
        return None


def _homes(model: ModelSettings, pools: Iterable[Pool]) -> list[Pool]:
    """Return the pools that a model may run on, of those that are known."""
    pods = model_pods(model)
    return [pool for pool in pools if pods and pool.admits(pods)]


def model_lifecycle(model: ModelSettings, pools: Iterable[Pool]) -> Lifecycle | None:
    """Return the lifecycle of the Spot nodes that a model may run on, if these have one.

    It is required as long as all of its pools have it, and preferred if some have another: that is
    what a fallback is for.
    """
    homes = _homes(model, pools)
    spot = {pool.labels.get(LIFECYCLE) for pool in homes if pool.is_spot}
    if len(spot) != 1 or (value := spot.pop()) is None:
        return None
    return Lifecycle(
        value=value, required=all(pool.labels.get(LIFECYCLE) == value for pool in homes)
    )


def model_drain(model: ModelSettings, notice: Notice, pools: Iterable[Pool]) -> Drain:
    """Return how a model's pods leave their nodes.

    Raises:
        DoesNotFit: the notice is too short for that.
    """
    pods = model_pods(model)
    most = model.replicas.maximum
    homes = _homes(model, pools)
    rooms = [pool.room.holds(pods.size) for pool in homes if pods]
    if homes and not any(pool.is_spot for pool in homes):
        notice = LASTING_NOTICE
    return drain.drain(
        notice,
        drain.Pods(
            longest_request_seconds=model.longest_request_seconds,
            connection_age_seconds=model.grpc_connection_age_seconds,
            propagation_seconds=_LOAD_BALANCER_SECONDS if model.expose else _PROXY_SECONDS,
            replicas=(model.replicas.minimum, most),
            # Of nodes that nobody knows the size of, one may have them all.
            on_one_node=min(most, max(1, *rooms)) if rooms else most,
            max_unavailable=model.max_unavailable,
        ),
    )


def server_faults(
    models: Mapping[str, ModelSettings], pools: Mapping[str, Pool], notice: Notice
) -> Iterator[Fault]:
    """Return what models ask of their nodes that these do not have, as far as fields are sound."""
    for name, model in models.items():
        for check in (_drain_faults(model, notice, pools), _thread_faults(model, pools)):
            try:
                yield from [fault.below(name) for fault in check]
            except (AttributeError, ValueError, ZeroDivisionError):  # it is wrong in itself
                continue


def _drain_faults(
    model: ModelSettings, notice: Notice, pools: Mapping[str, Pool]
) -> Iterator[Fault]:
    try:
        model_drain(model, notice, pools.values())
    except DoesNotFit as why:
        limit = f"must let a pod end within its node's notice: {why}"
        yield Fault(("longest_request_seconds",), limit, model.longest_request_seconds)


def _thread_faults(model: ModelSettings, pools: Mapping[str, Pool]) -> Iterator[Fault]:
    pods = model_pods(model)
    fewest = min(
        (pool.vcpus, name)
        for name, pool in pools.items()
        if pods and pool.vcpus and pool.admits(pods)
    )
    for field in () if model.threads.allow_oversubscription else ("intra_op", "inter_op"):
        threads: int | None = getattr(model.threads, field)
        if threads is not None and threads > fewest[0]:
            limit = (
                f"must be at most {fewest[0]}, the vCPUs of a node of {fewest[1]}, or come with "
            )
            limit += "allow_oversubscription: true"
            yield Fault(("threads", field), limit, threads)


def requested(requests: Amounts, pods: int = 1) -> Resources:
    """Return amounts as planning has them, each part rounded up."""
    millicores, mib = parse_quantity(requests.cpu) * 1000, parse_quantity(requests.memory) / _MIB
    return Resources(ceil(millicores), ceil(mib), pods)


def as_planned(given: Iterable[taints.Taint]) -> frozenset[Taint]:
    """Return taints, or the tolerations that answer them, as planning has them."""
    return frozenset(Taint(each.key, each.value, each.effect) for each in given)
