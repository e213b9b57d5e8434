"""What `pulumi up` waits for, kind by kind: pure functions of live objects.

https://www.pulumi.com/registry/packages/kubernetes/ and the docstrings of its SDK state the rules.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sandbox.kubernetes_api import Object, items, section
from sandbox.providers.wait_for import Missing, missing


class Rule(NamedTuple):
    """How a kind's readiness is told, and the other kinds of its namespace that tell it."""

    missing: Callable[[Object, Sequence[Object]], Missing | None]
    related: tuple[str, str] | None = None
    """The apiVersion and kind of what the answer also depends on."""


def rule_of(body: Object) -> Rule | None:
    """Return what an object waits for: what its annotation says, otherwise what its kind does.

    A custom resource without the annotation is ready once it exists.
    """
    if annotated := annotation(body, "pulumi.com/waitFor"):

        def missing_still(live: Object, _: Sequence[Object]) -> Missing | None:
            return missing(annotated, live)

        return Rule(missing_still)
    return RULES.get((body["apiVersion"], body["kind"]))


def skips_await(body: Object) -> bool:
    """Tell whether the program asked not to wait for an object."""
    return annotation(body, "pulumi.com/skipAwait") == "true"


def timeout_seconds(body: Object, custom: float, cap: float) -> float:
    """Return how long to wait: the custom timeout, or the annotation's, within the cap."""
    annotated = annotation(body, "pulumi.com/timeoutSeconds")
    return min(custom or float(annotated or cap), cap)


def annotation(body: Object, key: str) -> str | None:
    """Return an annotation's value."""
    return section(body, "metadata", "annotations").get(key)


def pending_pods(pods: Iterable[Object]) -> Iterator[str]:
    """Yield why pods are not ready, in the scheduler's or the kubelet's own words."""
    for pod in pods:
        name = pod["metadata"]["name"]
        scheduled = _condition(pod, "PodScheduled")
        waiting = [
            f"{container['name']}: {state.get('reason')} {state.get('message', '')}".strip()
            for container in items(pod, "status", "containerStatuses")
            if (state := section(container, "state", "waiting"))
        ]
        if scheduled and scheduled["status"] == "False":
            yield f"pod {name} cannot be scheduled: {scheduled.get('message')}"
        elif waiting:
            yield f"pod {name} waits: {'; '.join(waiting)}"
        elif not _is_true(pod, "Ready") and _phase(pod) != "Succeeded":
            yield f"pod {name} is {_phase(pod)}, not ready"


def _deployment(live: Object, _: Sequence[Object]) -> Missing | None:
    status, wanted = section(live, "status"), live["spec"].get("replicas", 1)
    progressing = _condition(live, "Progressing")
    if _is_unobserved(live):
        return Missing("its controller has not seen the change yet")
    if progressing and progressing.get("reason") == "ProgressDeadlineExceeded":
        return Missing(str(progressing.get("message")), final=True)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated < wanted:
        return Missing(f"{updated} of {wanted} replicas are of the new template")
    if status.get("replicas", 0) > updated:
        return Missing(f"{status['replicas'] - updated} replicas of the old template remain")
    if available < wanted:
        return Missing(f"{available} of {wanted} replicas are available")
    return None


def _stateful_set(live: Object, _: Sequence[Object]) -> Missing | None:
    status, wanted = section(live, "status"), live["spec"].get("replicas", 1)
    if _is_unobserved(live):
        return Missing("its controller has not seen the change yet")
    strategy: Object = live["spec"].get("updateStrategy") or {}
    if strategy.get("type") != "OnDelete" and not strategy.get("rollingUpdate", {}).get(
        "partition"
    ):
        updated = status.get("updatedReplicas", 0)
        if status.get("currentRevision") != status.get("updateRevision") and updated < wanted:
            return Missing(f"{updated} of {wanted} replicas are of the new template")
    ready = status.get("readyReplicas", 0)
    return None if ready >= wanted else Missing(f"{ready} of {wanted} replicas are ready")


def _daemon_set(live: Object, _: Sequence[Object]) -> Missing | None:
    status = section(live, "status")
    if _is_unobserved(live):
        return Missing("its controller has not seen the change yet")
    wanted = status.get("desiredNumberScheduled", 0)
    counts = (status.get("updatedNumberScheduled", 0), status.get("numberReady", 0))
    if min(counts) >= wanted:
        return None
    return Missing(f"{counts[0]} of {wanted} pods are updated, {counts[1]} are ready")


def _pod(live: Object, _: Sequence[Object]) -> Missing | None:
    phase = _phase(live)
    if phase == "Failed":
        return Missing(f"it failed: {live['status'].get('message', '')}", final=True)
    return None if phase == "Succeeded" or _is_true(live, "Ready") else Missing(f"it is {phase}")


def _job(live: Object, _: Sequence[Object]) -> Missing | None:
    failed = _condition(live, "Failed")
    if failed and failed["status"] == "True":
        return Missing(f"it failed: {failed.get('message')}", final=True)
    if _is_true(live, "Complete") or live["spec"].get("suspend"):
        return None
    done, wanted = section(live, "status").get("succeeded", 0), live["spec"].get("completions", 1)
    return Missing(f"{done} of {wanted} pods have succeeded")


def _service(live: Object, slices: Sequence[Object]) -> Missing | None:
    spec = live["spec"]
    has_pods = bool(spec.get("selector")) and spec.get("type") != "ExternalName"
    if has_pods and spec.get("clusterIP") != "None":
        ready = _endpoints(slices).get(live["metadata"]["name"], [])
        if not ready:
            return Missing("no pod that its selector matches is ready to be an endpoint")
        if not all(ready):
            return Missing(f"{ready.count(False)} of {len(ready)} endpoints are not ready")
    if spec.get("type") == "LoadBalancer":
        return _address(live)
    return None


def _ingress(live: Object, slices: Sequence[Object]) -> Missing | None:
    endpoints = _endpoints(slices)
    for rule in items(live, "spec", "rules"):
        for path in items(rule, "http", "paths"):
            name: str = section(path, "backend", "service").get("name", "")
            if name and not any(endpoints.get(name, [])):
                return Missing(f"the service {name} of its rules has no ready endpoint")
    controller = live["spec"].get("ingressClassName", "none")
    return _address(live, f": does the controller of its class, {controller}, run?")


def _claim(live: Object, classes: Sequence[Object]) -> Missing | None:
    phase = _phase(live)
    late = {
        item["metadata"]["name"]
        for item in classes
        if item.get("volumeBindingMode") == "WaitForFirstConsumer"
    }
    if phase == "Bound" or live["spec"].get("storageClassName") in late:
        return None
    return Missing(f"it is {phase}, not bound to a volume", final=phase == "Lost")


def _volume(live: Object, _: Sequence[Object]) -> Missing | None:
    phase = _phase(live)
    return None if phase in ("Available", "Bound") else Missing(f"it is {phase}")


def _namespace(live: Object, _: Sequence[Object]) -> Missing | None:
    phase = _phase(live)
    return None if phase == "Active" else Missing(f"it is {phase}")


def _definition(live: Object, _: Sequence[Object]) -> Missing | None:
    return None if _is_true(live, "Established") else Missing("it is not established")


def _address(live: Object, question: str = "") -> Missing | None:
    if items(live, "status", "loadBalancer", "ingress"):
        return None
    return Missing(f"no load balancer has given it an address{question}")


def _endpoints(slices: Sequence[Object]) -> dict[str, list[bool]]:
    ready: dict[str, list[bool]] = {}
    for item in slices:
        service: str = section(item, "metadata", "labels").get("kubernetes.io/service-name", "")
        states = [section(endpoint, "conditions") for endpoint in items(item, "endpoints")]
        ready.setdefault(service, []).extend(
            state.get("ready", True) for state in states if not state.get("terminating")
        )
    return ready


def _is_unobserved(live: Object) -> bool:
    return section(live, "status").get("observedGeneration", 0) < live["metadata"]["generation"]


def _phase(live: Object) -> str:
    return section(live, "status").get("phase", "Pending")


def _condition(live: Object, kind: str) -> Object | None:
    conditions = items(live, "status", "conditions")
    return next((item for item in conditions if item["type"] == kind), None)


def _is_true(live: Object, kind: str) -> bool:
    condition = _condition(live, kind)
    return condition is not None and condition["status"] == "True"


_SLICES = ("discovery.k8s.io/v1", "EndpointSlice")

RULES: Mapping[tuple[str, str], Rule] = {
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): Rule(_definition),
    ("apps/v1", "DaemonSet"): Rule(_daemon_set),
    ("apps/v1", "Deployment"): Rule(_deployment),
    ("apps/v1", "StatefulSet"): Rule(_stateful_set),
    ("batch/v1", "Job"): Rule(_job),
    ("networking.k8s.io/v1", "Ingress"): Rule(_ingress, _SLICES),
    ("v1", "Namespace"): Rule(_namespace),
    ("v1", "PersistentVolume"): Rule(_volume),
    ("v1", "PersistentVolumeClaim"): Rule(_claim, ("storage.k8s.io/v1", "StorageClass")),
    ("v1", "Pod"): Rule(_pod),
    ("v1", "Service"): Rule(_service, _SLICES),
}
"""What each kind waits for; a kind without a row is ready once it exists."""
