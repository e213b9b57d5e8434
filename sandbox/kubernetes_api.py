"""A thin client of a Kubernetes API server: objects in and out, paths from discovery."""

import json
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlencode

import urllib3

from sandbox import kubeconfig as kubeconfigs

Object = dict[str, Any]
"""A Kubernetes object, as its JSON."""
PatchType = Literal["merge", "strategic", "json"]

_CONTENT_TYPE: Mapping[str, str] = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",
}
_STRICT = {"fieldValidation": "Strict"}
_DRY = {True: "All", False: ""}
_CONNECT_SECONDS = 5.0
_FIRST_ERROR = 400


class ApiError(Exception):
    """The API server's refusal, with its own reason (`NotFound`, `Conflict`, `Invalid`, ...)."""

    def __init__(self, status: int, reason: str, message: str, kind: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.kind = kind
        """What the refusal is about, as the path has it: `namespaces` when that was not found."""


class UnknownKindError(ApiError):
    """The API server serves no such kind."""

    def __init__(self, api_version: str, kind: str, *, group_served: bool) -> None:
        super().__init__(
            404, "UnknownKind", f"the API server has no kind {kind} in apiVersion {api_version}"
        )
        self.group_served = group_served
        """Whether it serves others of the group, so that no definition can be on its way."""


class UnreachableError(Exception):
    """There is no answer from the API server."""


class KubernetesApi:
    """One API server, as one user; methods may be called from several threads."""

    def __init__(self, server: str, context: ssl.SSLContext, headers: Mapping[str, str]) -> None:
        self.server = server.rstrip("/")
        self._headers = {"Accept": "application/json", "User-Agent": "sandbox", **headers}
        self._pool = urllib3.PoolManager(maxsize=32, ssl_context=context, retries=False)
        self._kinds: dict[str, dict[str, tuple[str, bool]]] = {}
        self._discovery = threading.Lock()

    @classmethod
    def from_kubeconfig(cls, kubeconfig: str | Path) -> "KubernetesApi":
        """Return the API server of a kubeconfig, given as its text or its path.

        Raises:
            SandboxError: it cannot be used.
        """
        return cls(*kubeconfigs.read(kubeconfig))

    def get(
        self, api_version: str, kind: str, name: str, namespace: str = "", *, timeout: float = 30
    ) -> Object:
        """Return one object."""
        return self.call("GET", self.path(api_version, kind, namespace, name), timeout=timeout)

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str = "",
        *,
        label_selector: str = "",
        timeout: float = 30,
    ) -> list[Object]:
        """Return the objects of a kind, of one namespace or of all."""
        path, query = self.path(api_version, kind, namespace), {"labelSelector": label_selector}
        found = self.call("GET", path, query=query, timeout=timeout)
        return [{"apiVersion": api_version, "kind": kind, **item} for item in items(found, "items")]

    def create(
        self, body: Object, *, field_manager: str = "sandbox", dry_run: bool = False
    ) -> Object:
        """Create an object; one that exists, and a field that its kind has not, is an error."""
        path = self.path(body["apiVersion"], body["kind"], _namespace(body))
        query = {**_STRICT, "fieldManager": field_manager, "dryRun": _DRY[dry_run]}
        return self.call("POST", path, body, query=query)

    def apply(
        self, body: Object, *, field_manager: str, force: bool = False, dry_run: bool = False
    ) -> Object:
        """Apply an object on the server: what others own is a conflict unless forced."""
        name = body["metadata"]["name"]
        path = self.path(body["apiVersion"], body["kind"], _namespace(body), name)
        query = {**_STRICT, "fieldManager": field_manager, "dryRun": _DRY[dry_run]}
        query["force"] = json.dumps(force)
        return self.call("PATCH", path, body, query=query, content_type=_CONTENT_TYPE["apply"])

    def patch(  # noqa: PLR0913 - an object's address has four parts
        self,
        api_version: str,
        kind: str,
        name: str,
        patch: Any,
        namespace: str = "",
        *,
        patch_type: PatchType = "merge",
        subresource: str = "",
    ) -> Object:
        """Change parts of an object, or of a subresource such as its status."""
        path = self.path(api_version, kind, namespace, name, subresource)
        return self.call("PATCH", path, patch, content_type=_CONTENT_TYPE[patch_type])

    def delete(  # noqa: PLR0913 - an object's address has four parts
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str = "",
        *,
        propagation: Literal["Foreground", "Background", "Orphan"] = "Background",
        grace_seconds: int | None = None,
    ) -> None:
        """Ask for an object's deletion, without waiting for it; one that is gone is no error."""
        options = {"propagationPolicy": propagation, "gracePeriodSeconds": grace_seconds}
        try:
            self.call("DELETE", self.path(api_version, kind, namespace, name), options)
        except ApiError as error:
            if error.reason not in ("NotFound", "UnknownKind"):
                raise

    def evict(self, pod: Object) -> bool:
        """Ask for a pod's eviction; False where a disruption budget does not allow it now.

        A pod that is gone needs none.
        """
        where = {key: pod["metadata"][key] for key in ("name", "namespace")}
        path = self.path("v1", "Pod", where["namespace"], where["name"], "eviction")
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": where}
        try:
            self.call("POST", path, body)
        except ApiError as error:
            if error.reason not in ("TooManyRequests", "NotFound"):
                raise
            return error.reason == "NotFound"
        return True

    def is_namespaced(self, api_version: str, kind: str) -> bool:
        """Tell whether objects of a kind are in namespaces."""
        return self._discovered(api_version, kind)[1]

    def path(
        self,
        api_version: str,
        kind: str,
        namespace: str = "",
        name: str = "",
        subresource: str = "",
    ) -> str:
        """Return where an object, or a kind's collection, is."""
        plural, namespaced = self._discovered(api_version, kind)
        if namespaced and name and not namespace:
            namespace = "default"
        within = ("namespaces", namespace) if namespaced and namespace else ()
        parts = (*within, plural, name, subresource)
        return "/".join((_root(api_version), *(quote(part, safe="") for part in parts if part)))

    def call(  # noqa: PLR0913 - what a request is made of
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        timeout: float = 30,
    ) -> Object:
        """Return the API server's answer.

        Raises:
            ApiError: it refuses.
            UnreachableError: it does not answer.
        """
        headers = self._headers if body is None else {**self._headers, "Content-Type": content_type}
        filled = urlencode({key: value for key, value in (query or {}).items() if value})
        try:
            response = self._pool.request(
                method,
                f"{self.server}{path}{'?' + filled if filled else ''}",
                body=None if body is None else json.dumps(body).encode(),
                headers=headers,
                timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=timeout),
            )
        except urllib3.exceptions.HTTPError as error:
            raise UnreachableError(f"{self.server} does not answer: {error}") from error
        answer = _parsed(response.data)
        if response.status < _FIRST_ERROR:
            return answer
        raise ApiError(
            response.status,
            answer.get("reason") or str(response.reason).replace(" ", ""),
            answer.get("message") or f"{method} {path}: {response.status} {response.reason}",
            section(answer, "details").get("kind", ""),
        )

    def _discovered(self, api_version: str, kind: str) -> tuple[str, bool]:
        with self._discovery:
            # A kind that is not known may have been defined since.
            if kind not in self._kinds.get(api_version, {}):
                self._kinds[api_version] = self._discover(api_version)
            if found := self._kinds[api_version].get(kind):
                return found
        raise UnknownKindError(api_version, kind, group_served=self._serves_group(api_version))

    def _discover(self, api_version: str) -> dict[str, tuple[str, bool]]:
        try:
            listed = self.call("GET", _root(api_version))
        except ApiError as error:
            if error.reason != "NotFound":
                raise
            return {}
        return {
            resource["kind"]: (resource["name"], resource["namespaced"])
            for resource in listed["resources"]
            if "/" not in resource["name"]
        }

    def _serves_group(self, api_version: str) -> bool:
        group = api_version.rpartition("/")[0]
        served = self.call("GET", "/apis")["groups"]
        return not group or any(item["name"] == group for item in served)


def section(body: Object, *keys: str) -> Object:
    """Return an object within an object; an empty one where there is none."""
    for key in keys:
        body = body.get(key) or {}
    return body


def items(body: Object, *keys: str) -> list[Object]:
    """Return a list within an object; an empty one where there is none."""
    return section(body, *keys[:-1]).get(keys[-1]) or []


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _namespace(body: Object) -> str:
    return body["metadata"].get("namespace") or "default"


def _parsed(data: bytes) -> Object:
    try:
        return json.loads(data or b"{}")
    except ValueError:
        return {"message": data.decode(errors="replace")}
