"""A look at one stack: what its models are offered and serve, and what nodes it has."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sandbox import nodes
from sandbox.kubernetes_api import KubernetesApi, Object, section
from sandbox.load import MODELS, cpu_limit, is_ready, model_of, usage
from sandbox.nodes.cloud import Cloud, NodeGroup


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model's load, in cores, and its replicas."""

    name: str
    offered: float
    capacity: float | None
    """What its ready pods may use; None when one of them has no limit."""
    served: float
    unserved: float
    minimum: int | None
    """Of replicas; like the maximum, None when there is no autoscaler."""
    maximum: int | None
    desired: int
    ready: int
    pending: int


@dataclass(frozen=True)
class Fleet:
    """All models and node groups of a stack, at one moment."""

    models: tuple[Model, ...]
    groups: tuple[NodeGroup, ...]

    @classmethod
    def of(cls, api: KubernetesApi, cloud: Cloud, offered: Mapping[str, float]) -> "Fleet":
        """Look at a stack; `offered` is each model's load, in cores."""
        ready = {
            node["metadata"].get("annotations", {}).get(nodes.INSTANCE)
            for node in api.list("v1", "Node")
            if is_ready(node)
        }
        return cls(tuple(_models(api, offered)), tuple(cloud.node_groups(ready)))


def _models(api: KubernetesApi, offered: Mapping[str, float]) -> Iterator[Model]:
    scalers = {
        model_of(each): each
        for each in api.list("autoscaling/v2", "HorizontalPodAutoscaler", label_selector=MODELS)
    }
    deployments = api.list("apps/v1", "Deployment", label_selector=MODELS)
    pods = api.list("v1", "Pod", label_selector=MODELS)
    used = usage(pods, offered)
    for deployment in sorted(deployments, key=model_of):
        name = model_of(deployment)
        own = [pod for pod in pods if model_of(pod) == name]
        ready = [pod for pod in own if is_ready(pod)]
        capacity = sum(map(cpu_limit, ready))
        served = sum(used[pod["metadata"]["uid"]] for pod in own)
        scaler = scalers.get(name, {})
        yield Model(
            name=name,
            offered=offered.get(name, 0.0),
            capacity=capacity if math.isfinite(capacity) else None,
            served=round(served, 3),
            unserved=round(offered.get(name, 0.0) - served, 3),
            minimum=section(scaler, "spec").get("minReplicas"),
            maximum=section(scaler, "spec").get("maxReplicas"),
            desired=section(scaler, "status").get(
                "desiredReplicas", deployment["spec"]["replicas"]
            ),
            ready=len(ready),
            pending=sum(map(_is_pending, own)),
        )


def _is_pending(pod: Object) -> bool:
    return pod["status"]["phase"] == "Pending" and "deletionTimestamp" not in pod["metadata"]
