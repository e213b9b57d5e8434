"""The load that is offered to each model, in cores, and how its pods share it."""

import fcntl
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence

from components.kubernetes.quantities import parse_quantity
from sandbox.errors import WRONG_USAGE, SandboxError
from sandbox.kubernetes_api import Object, section
from sandbox.layout import Layout
from sandbox.processes import write_atomically

_MODEL = "app.kubernetes.io/instance"

MODELS = f"app.kubernetes.io/name=tensorflow-serving,{_MODEL}"
"""The label selector of all objects that belong to a model."""


class Load:
    """What one stack's models are offered: kept in a file, which the metrics server reads."""

    def __init__(self, layout: Layout, stack: str) -> None:
        self._path = layout.cluster(stack) / "load.json"

    def offered(self) -> Mapping[str, float]:
        """Return the cores that each model is offered; one that is not there is offered none."""
        try:
            return json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}

    def offer(self, model: str, cores: float) -> None:
        """Offer a model so much, from now on.

        Raises:
            SandboxError: it is no amount of load.
        """
        if not 0 <= cores < math.inf:
            raise SandboxError(
                f"the load of {model} must be a number of cores, 0 or more; got {cores:g}",
                WRONG_USAGE,
            )
        with self._path.with_suffix(".lock").open("a") as lock:  # of two at once, both count
            fcntl.flock(lock, fcntl.LOCK_EX)
            write_atomically(self._path, json.dumps({**self.offered(), model: cores}))


def model_of(labelled: Object) -> str:
    """Return the model that an object belongs to."""
    return labelled["metadata"]["labels"][_MODEL]


def is_ready(labelled: Object) -> bool:
    """Tell whether a pod is sent requests, or a node runs pods: ready, and not being deleted."""
    conditions = labelled.get("status", {}).get("conditions", [])
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return ready and "deletionTimestamp" not in labelled["metadata"]


def cpu_limit(pod: Object) -> float:
    """Return how many cores a pod may use; infinity when nothing limits it."""
    limits = (section(each, "resources", "limits") for each in pod["spec"]["containers"])
    return sum(float(parse_quantity(each["cpu"])) if "cpu" in each else math.inf for each in limits)


def usage(pods: Sequence[Object], offered: Mapping[str, float]) -> Mapping[str, float]:
    """Return the cores that each pod uses, by its uid: ready ones share alike what is offered."""
    ready = Counter(model_of(pod) for pod in pods if is_ready(pod))

    def used(pod: Object) -> float:
        model = model_of(pod)
        share = offered.get(model, 0) / ready[model] if is_ready(pod) else 0
        return min(share, cpu_limit(pod))

    return {pod["metadata"]["uid"]: used(pod) for pod in pods}
