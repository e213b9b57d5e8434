"""What a deployment does to the objects of a cluster: make, change, await, compare, delete."""

import os
import threading
import time
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Literal

from sandbox.kubernetes_api import ApiError, KubernetesApi, Object, UnknownKindError, section
from sandbox.providers.field_ownership import (
    manages,
    taken_over,
    without_controllers_fields,
    without_ignored,
)
from sandbox.providers.plugin import Refused
from sandbox.providers.readiness import (
    annotation,
    pending_pods,
    rule_of,
    skips_await,
    timeout_seconds,
)
from sandbox.providers.values import is_list, is_mapping

_POLL_SECONDS = 0.5
# A deletion always ends, once grace periods are over; the real provider waits as long.
_LONGEST_DELETION = 300.0
# But for what a controller outside of the control plane lets go: without it, that never ends.
_LET_GO: Mapping[str, str] = dict.fromkeys(
    ("Gateway", "Ingress"),
    "; the controller of its class takes them off once it has cleaned up: does it run?",
)
_CREATE_RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)
_PROPAGATION: Mapping[str, Literal["Orphan", "Background"]] = {
    "orphan": "Orphan",
    "background": "Background",
}
_REASONS = 3
_CONFLICT = (
    "; leave the field to its owner with ignore_changes, or take it with the annotation "
    "pulumi.com/patchForce"
)


class NotReadyError(Exception):
    """An object exists and is not ready."""

    def __init__(self, message: str, live: Object) -> None:
        super().__init__(message)
        self.live = live


def address(body: Object) -> str:
    """Return how messages name an object: `Deployment serving/web`."""
    metadata = section(body, "metadata")
    return f"{body['kind']} {object_id(metadata.get('namespace', ''), metadata['name'])}"


def object_id(namespace: str, name: str) -> str:
    """Return Pulumi's id of an object."""
    return f"{namespace}/{name}" if namespace else name


class ClusterObjects:
    """Objects of one API server; waits end early when the deployment is cancelled."""

    def __init__(self, api: KubernetesApi, namespace: str, cancelled: threading.Event) -> None:
        self._api = api
        self._namespace = namespace
        self._cancelled = cancelled
        self._longest_wait = float(os.environ.get("TFSERVING_SANDBOX_AWAIT_SECONDS") or 75)

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> Object | None:
        """Return an object, or None when there is none."""
        try:
            return self._api.get(api_version, kind, name, namespace)
        except ApiError as error:
            if error.reason == "NotFound":
                return None
            raise

    def create(self, body: Object, manager: str, *, upsert: bool, dry_run: bool = False) -> Object:
        """Create an object; a namespace or a kind that is still on its way is waited for.

        What this manager has made already, and a crash kept from being recorded, is adopted.
        """
        delays = iter(() if dry_run else _CREATE_RETRY_SECONDS)
        while True:
            try:
                body = self._placed(body)
                return self._api.create(body, field_manager=manager, dry_run=dry_run)
            except ApiError as error:
                if error.reason == "AlreadyExists":
                    return self._adopt(body, manager, error, upsert=upsert, dry_run=dry_run)
                delay = next(delays, None)
                if error.reason not in ("NotFound", "UnknownKind") or delay is None:
                    raise
            self._cancelled.wait(delay)

    def update(
        self,
        body: Object,
        manager: str,
        *,
        ignore_changes: Sequence[str] = (),
        force: bool = False,
        dry_run: bool = False,
    ) -> Object:
        """Apply what an object should be; fields of other owners are conflicts unless forced."""
        body = self._placed(body)
        name, namespace = body["metadata"]["name"], body["metadata"].get("namespace", "")
        where = (body["apiVersion"], body["kind"], name)
        live = self._api.get(*where, namespace)
        while not dry_run and (patch := taken_over(live, manager)):
            try:
                live = self._api.patch(*where, patch, namespace, patch_type="json")
            except ApiError as error:
                if error.reason != "Conflict":  # it changed meanwhile
                    raise
                live = self._api.get(*where, namespace)
        body = without_ignored(body, live, manager, ignore_changes)
        force = force or dry_run or annotation(body, "pulumi.com/patchForce") == "true"
        try:
            return self._api.apply(body, field_manager=manager, force=force, dry_run=dry_run)
        except ApiError as error:
            if error.reason == "Conflict":
                raise Refused(f"{address(body)}: {error.message}{_CONFLICT}") from error
            raise

    def inputs_now(self, inputs: Object, live: Object, manager: str) -> Object:
        """Return an object's inputs as somebody may have changed them since.

        The API server says itself what applying the inputs again would change, so that another
        spelling of a quantity, a default, or what an autoscaler decided is no change.
        """
        body = {**inputs, "apiVersion": live["apiVersion"], "kind": live["kind"]}
        body["metadata"] = {
            **section(inputs, "metadata"),
            **{
                key: live["metadata"][key]
                for key in ("name", "namespace")
                if key in live["metadata"]
            },
        }
        body = without_controllers_fields(body, live, manager)
        try:
            applied = self._api.apply(body, field_manager=manager, force=True, dry_run=True)
        except ApiError:
            return inputs
        return {
            **inputs,
            **{
                key: _now(inputs[key], applied.get(key), live.get(key))
                for key in inputs
                if not key.startswith("__")
            },
        }

    def ready(self, body: Object, live: Object, custom_timeout: float) -> Object:
        """Return an object once it is what its kind is awaited for.

        Raises:
            NotReadyError: the wait is over, or nothing is left to wait for.
        """
        rule = rule_of(body)
        if rule is None or skips_await(body):
            return live
        timeout = timeout_seconds(body, custom_timeout, self._longest_wait)
        deadline = time.monotonic() + timeout
        metadata = live["metadata"]
        namespace = metadata.get("namespace", "")
        while True:
            related = self._api.list(*rule.related, namespace) if rule.related else []
            missing = rule.missing(live, related)
            if missing is None:
                return live
            late = time.monotonic() > deadline
            if missing.final or late or self._cancelled.wait(_POLL_SECONDS):
                waited = f" after {timeout:.0f} s" if late else ""
                reasons = "; ".join((missing.reason, *self._pods_reasons(live)))
                raise NotReadyError(f"{address(body)} is not ready{waited}: {reasons}", live)
            found = self.get(body["apiVersion"], body["kind"], namespace, metadata["name"])
            if found is None:
                raise NotReadyError(f"{address(body)} was deleted by somebody else", live)
            live = found

    def delete(self, body: Object, uid: str | None, custom_timeout: float) -> None:
        """Delete an object and wait until it is gone."""
        metadata = body["metadata"]
        where = (body["apiVersion"], body["kind"], metadata.get("namespace", ""), metadata["name"])
        policy = annotation(body, "pulumi.com/deletionPropagationPolicy") or "foreground"
        self._api.delete(
            body["apiVersion"],
            body["kind"],
            metadata["name"],
            metadata.get("namespace", ""),
            propagation=_PROPAGATION.get(policy, "Foreground"),
        )
        question = _LET_GO.get(body["kind"], "")
        longest = self._longest_wait if question else _LONGEST_DELETION
        timeout = timeout_seconds(body, custom_timeout, longest)
        deadline = time.monotonic() + timeout
        while not skips_await(body):
            try:
                live = self.get(*where)
            except UnknownKindError:
                return
            if live is None or (uid and live["metadata"]["uid"] != uid):
                return
            if time.monotonic() > deadline or self._cancelled.wait(_POLL_SECONDS):
                held = ", ".join(live["metadata"].get("finalizers") or []) or "none"
                raise Refused(
                    f"{address(body)} still exists {timeout:.0f} s after its deletion was asked "
                    f"for; its finalizers: {held}{question}"
                )

    def _placed(self, body: Object) -> Object:
        if not self._api.is_namespaced(body["apiVersion"], body["kind"]):
            return body
        metadata = {"namespace": self._namespace, **body["metadata"]}
        return {**body, "metadata": metadata}

    def _adopt(
        self, body: Object, manager: str, error: ApiError, *, upsert: bool, dry_run: bool
    ) -> Object:
        metadata = body["metadata"]
        live = self._api.get(
            body["apiVersion"], body["kind"], metadata["name"], metadata.get("namespace", "")
        )
        if not manages(live, manager) and not upsert:
            raise Refused(
                f"{address(body)}: {error.message}, and this resource did not make it; import it, "
                "or give the new one another name"
            ) from error
        if dry_run:  # what is to be replaced is still there, and may not be changed so
            return body
        return self.update(body, manager, force=True)

    def _pods_reasons(self, live: Object) -> Sequence[str]:
        selector = section(live, "spec", "selector")
        labels: Mapping[str, Any] = selector.get("matchLabels", selector)
        if not labels or not all(isinstance(value, str) for value in labels.values()):
            return []
        pods = self._api.list(
            "v1",
            "Pod",
            live["metadata"].get("namespace", ""),
            label_selector=",".join(f"{key}={value}" for key, value in labels.items()),
        )
        return list(islice(pending_pods(pods), _REASONS))


def _now(old: Any, applied: Any, live: Any) -> Any:
    if applied == live:
        return old
    if is_mapping(old) and is_mapping(applied) and is_mapping(live):
        return {
            key: _now(value, applied.get(key), live.get(key))
            for key, value in old.items()
            if key in live or key not in applied
        }
    if (
        is_list(old)
        and is_list(applied)
        and is_list(live)
        and len(old) == len(live) == len(applied)
    ):
        return [_now(*values) for values in zip(old, applied, live, strict=True)]
    return live
