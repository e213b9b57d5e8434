"""The `kubernetes` provider, on a real API server and with the real provider's manners.

What those are was read in https://github.com/pulumi/pulumi-kubernetes (`provider/pkg/provider` and
`provider/pkg/await`): create is a plain create, update a server-side apply without force, a preview
asks the API server for a dry run, and a deployment waits until what it made is ready.
"""

import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import cached_property
from importlib import metadata
from typing import Any

from sandbox.errors import SandboxError
from sandbox.kubernetes_api import (
    ApiError,
    KubernetesApi,
    Object,
    UnknownKindError,
    UnreachableError,
    section,
)
from sandbox.providers.differences import Difference
from sandbox.providers.immutable_fields import immutable_fields
from sandbox.providers.kubernetes_objects import ClusterObjects, NotReadyError, address, object_id
from sandbox.providers.plugin import Failure, Live, NotInitialized, Provider, Refused, Request, Urn
from sandbox.providers.readiness import annotation
from sandbox.providers.values import Properties, contains_unknown, is_mapping, secret

_AUTONAMED = "pulumi.com/autonamed"
_MANAGER = "__fieldManager"
_TOKEN = re.compile(r"kubernetes:(?P<group>[^/:]+)/(?P<version>v\d\w*):(?P<kind>\w+)")
_NOT_SIMULATED = re.compile(r"kubernetes:(helm\.sh|yaml|kustomize)\b|.*Patch$")
_SETTINGS_NOT_SIMULATED = ("renderYamlToDirectory", "context", "cluster")
_SECRET_FIELDS = ("data", "stringData")
# What the API server adds, and no program says.
_SERVER_METADATA = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")


class KubernetesProvider(Provider):
    """Objects of one cluster, which the provider's `kubeconfig` names."""

    version = metadata.version("pulumi-kubernetes")

    def __init__(self) -> None:
        super().__init__()
        self._settings: Properties = {}

    def check_config(self, inputs: Properties) -> Sequence[Failure]:
        """Refuse what the sandbox would only pretend to do."""
        refused = [key for key in _SETTINGS_NOT_SIMULATED if inputs.get(key)]
        if inputs.get("enableServerSideApply") in (False, "false"):
            refused.append("enableServerSideApply")
        return [
            Failure(key, f"{key}={inputs[key]!r} is not simulated in the sandbox")
            for key in refused
        ]

    def diff_config(self, request: Request) -> Difference:
        """Replace everything in the cluster when the cluster is another one.

        Its `clusterIdentifier` alone tells if it had and has one, otherwise its kubeconfig.
        """
        old, new = request.old_inputs, request.inputs
        named = old.get("clusterIdentifier") and new.get("clusterIdentifier")
        identity = "clusterIdentifier" if named else "kubeconfig"
        return Difference.between(old, new, immutable=[identity])

    def configure(self, settings: Properties) -> None:
        """Take the settings; the cluster is first asked for when a resource needs it."""
        self._settings = settings

    def check(
        self, urn: Urn, olds: Properties, news: Properties, seed: bytes
    ) -> tuple[Properties, Sequence[Failure]]:
        """Name the object, and compare what it says it is with the resource's type."""
        api_version, kind = _api_version_and_kind(urn)
        inputs = deepcopy(news)
        wanted = {"apiVersion": api_version, "kind": kind}
        failures = [
            Failure(key, f"{key} must be {value} for a {urn.type}, not {inputs[key]!r}")
            for key, value in wanted.items()
            if inputs.setdefault(key, value) != value
        ]
        metadata: Any = inputs.setdefault("metadata", {})
        if is_mapping(metadata):
            _name(urn, metadata, section(olds, "metadata"), seed)
        return _with_secrets(inputs), failures

    def diff(self, request: Request) -> Difference:
        """Compare what was asked for then and now: the cluster has no part in it."""
        old, new = map(self._in_namespace, (request.old_inputs, request.inputs))
        fields = immutable_fields(
            old,
            config_maps_mutable=self._is_set("enableConfigMapMutable"),
            secrets_mutable=self._is_set("enableSecretMutable"),
        )
        if _group(old) != _group(new):
            fields = (*fields, "apiVersion")
        same_name = all(
            section(old, "metadata").get(key) == section(new, "metadata").get(key)
            for key in ("name", "namespace")
        )
        autonamed = is_mapping(new.get("metadata")) and annotation(new, _AUTONAMED) == "true"
        return Difference.between(
            old, new, immutable=fields, delete_before_replace=same_name and not autonamed
        )

    def create(self, request: Request) -> tuple[str, Properties]:
        """Create the object and wait until it is ready."""
        body = _object(request.inputs)
        manager = f"pulumi-kubernetes-{hashlib.sha256(str(request.urn).encode()).hexdigest()[:8]}"
        upsert = self._is_set("upsertExistingObjects")
        if request.preview:
            # The answer's other values, such as a cluster IP, will be others when it is created.
            self._tried(
                body, lambda: self._objects.create(body, manager, upsert=upsert, dry_run=True)
            )
            return "", _with_secrets(request.inputs)
        with refusals(body):
            live = self._objects.create(body, manager, upsert=upsert)
            return _id(live), self._ready(request, body, live, manager)

    def read(self, request: Request) -> Live | None:
        """Return the object, and the inputs as somebody may have changed them."""
        api_version, kind = _api_version_and_kind(request.urn)
        namespace, _, name = request.id.rpartition("/")
        metadata = {"name": name, "namespace": namespace}
        body: Object = {"apiVersion": api_version, "kind": kind, "metadata": metadata}
        manager = request.old_outputs.get(_MANAGER, "pulumi-kubernetes")
        with refusals(body):
            live = self._objects.get(api_version, kind, namespace, name)
            if live is None:
                return None
            inputs = (
                self._objects.inputs_now(request.inputs, live, manager)
                if request.inputs
                else _as_inputs(live)
            )
        return Live(request.id, _with_secrets(inputs), _outputs(live, manager))

    def update(self, request: Request) -> Properties:
        """Apply the object's new inputs and wait until it is ready."""
        body = _object(request.inputs)
        manager = request.old_outputs.get(_MANAGER, "pulumi-kubernetes")

        def apply() -> Object:
            return self._objects.update(
                body,
                manager,
                ignore_changes=request.ignore_changes,
                force=self._is_set("enablePatchForce"),
                dry_run=request.preview,
            )

        if request.preview:
            live = self._tried(body, apply)
            return _outputs(live, manager) if live else _with_secrets(request.inputs)
        with refusals(body):
            return self._ready(request, body, apply(), manager)

    def delete(self, request: Request) -> None:
        """Delete the object and wait until it is gone."""
        namespace, _, name = request.id.rpartition("/")
        metadata = {**section(request.inputs, "metadata"), "name": name, "namespace": namespace}
        body = {**request.inputs, "metadata": metadata}
        body["apiVersion"], body["kind"] = _api_version_and_kind(request.urn)
        uid = section(request.old_outputs, "metadata").get("uid")
        with refusals(body):
            try:
                self._objects.delete(body, uid, request.timeout)
            except UnreachableError:
                if not self._is_set("deleteUnreachable"):
                    raise

    @property
    def _namespace(self) -> str:
        return self._settings.get("namespace") or "default"

    def _in_namespace(self, inputs: Properties) -> Object:
        metadata = inputs.get("metadata")
        if not is_mapping(metadata) or metadata.get("namespace"):
            return inputs
        return {**inputs, "metadata": {**metadata, "namespace": self._namespace}}

    @cached_property
    def _objects(self) -> ClusterObjects:
        kubeconfig = self._settings.get("kubeconfig") or os.environ.get("KUBECONFIG")
        if not kubeconfig:
            raise Refused("the kubernetes provider has no kubeconfig: give it the cluster's own")
        if is_mapping(kubeconfig):
            kubeconfig = json.dumps(kubeconfig)
        try:
            api = KubernetesApi.from_kubeconfig(kubeconfig)
        except SandboxError as error:
            raise Refused(str(error)) from error
        return ClusterObjects(api, self._namespace, self.cancelled)

    def _is_set(self, key: str) -> bool:
        return self._settings.get(key) in (True, "true")

    def _tried(self, body: Object, attempt: Callable[[], Object]) -> Object | None:
        """Return what a dry run says, or None where it can't say anything yet."""
        if contains_unknown(body):
            return None
        with refusals(body):
            try:
                return attempt()
            except UnreachableError:
                return None
            except UnknownKindError as error:
                if error.group_served:
                    raise
                return None  # its definition may be created by the same program
            except ApiError as error:
                if error.reason != "NotFound" or error.kind != "namespaces":
                    raise
                return None  # so may its namespace

    def _ready(self, request: Request, body: Object, live: Object, manager: str) -> Properties:
        try:
            live = self._objects.ready(body, live, request.timeout)
        except NotReadyError as error:
            outputs = _outputs(error.live, manager)
            raise NotInitialized(str(error), _id(live), outputs) from error
        return _outputs(live, manager)


@contextmanager
def refusals(body: Object) -> Generator[None]:
    """Tell what the API server says of an object as what the provider says of it."""
    try:
        yield
    except ApiError as error:
        raise Refused(f"{address(body)}: {error.message}") from error
    except UnreachableError as error:
        raise Refused(f"{address(body)}: {error}") from error


def _api_version_and_kind(urn: Urn) -> tuple[str, str]:
    found = _TOKEN.fullmatch(urn.type)
    if not found or _NOT_SIMULATED.match(urn.type):
        raise Refused(f"{urn.type} is not simulated in the sandbox; objects of the API are")
    group, version = found["group"], found["version"]
    return version if group == "core" else f"{group}/{version}", found["kind"]


def _group(body: Object) -> str:
    return str(body.get("apiVersion", "")).rpartition("/")[0]


def _name(urn: Urn, metadata: Object, old: Object, seed: bytes) -> None:
    if metadata.get("name") or metadata.get("generateName"):
        return
    annotations: Any = metadata.setdefault("annotations", {})
    if not is_mapping(annotations):
        return
    annotations[_AUTONAMED] = "true"
    if section(old, "annotations").get(_AUTONAMED) == "true":
        metadata["name"] = old["name"]
    else:
        digest = hashlib.sha256((seed or secrets.token_bytes()) + str(urn).encode())
        metadata["name"] = f"{urn.name}-{digest.hexdigest()[:8]}"


def _object(inputs: Properties) -> Object:
    return {key: value for key, value in inputs.items() if not key.startswith("__")}


def _id(live: Object) -> str:
    return object_id(live["metadata"].get("namespace", ""), live["metadata"]["name"])


def _outputs(live: Object, manager: str) -> Properties:
    metadata = {key: value for key, value in live["metadata"].items() if key != "managedFields"}
    return _with_secrets({**live, "metadata": metadata, _MANAGER: manager})


def _as_inputs(live: Object) -> Properties:
    metadata = {
        key: value for key, value in live["metadata"].items() if key not in _SERVER_METADATA
    }
    return {**{key: live[key] for key in live if key != "status"}, "metadata": metadata}


def _with_secrets(properties: Properties) -> Properties:
    if properties.get("kind") != "Secret":
        return properties
    marked = {key: secret(properties[key]) for key in _SECRET_FIELDS if key in properties}
    return {**properties, **marked}
