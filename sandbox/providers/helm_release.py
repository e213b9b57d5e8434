"""The `kubernetes` provider with Helm releases: no chart is fetched.

Of a release the cluster holds what `charts` makes of it; one of another chart is recorded only.
Checked is what the program says: the properties that the SDK knows, and a version that is pinned.
"""

import hashlib
import re
import secrets
from collections.abc import Iterator, Sequence

from sandbox.kubernetes_api import Object
from sandbox.providers import sdk_schema
from sandbox.providers.charts import objects
from sandbox.providers.differences import Difference
from sandbox.providers.kubernetes import KubernetesProvider, refusals
from sandbox.providers.kubernetes_objects import NotReadyError, address
from sandbox.providers.plugin import Failure, Live, Refused, Request, Urn
from sandbox.providers.servicer import serve
from sandbox.providers.values import UNKNOWN, Properties, nested

RELEASE = "kubernetes:helm.sh/v3:Release"

_MANAGER = "helm"
_AUTONAMED = "__defaults"
_VERSION = re.compile(r"v?\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?")
# https://helm.sh/docs/chart_template_guide/getting_started/#a-first-template
_LONGEST_NAME = 53
# What the real provider replaces a release for, and how long it waits unless told otherwise.
# https://github.com/pulumi/pulumi-kubernetes/blob/v4.34.2/provider/pkg/provider/helm_release.go
_REPLACES = ("name", "namespace")
_DEFAULT_TIMEOUT = 300


class KubernetesWithReleases(KubernetesProvider):
    """Objects of one cluster, and the releases that the program wishes to have in it."""

    def check(
        self, urn: Urn, olds: Properties, news: Properties, seed: bytes
    ) -> tuple[Properties, Sequence[Failure]]:
        """Fill in name and namespace, and find what Helm would refuse or leave open."""
        if urn.type != RELEASE:
            return super().check(urn, olds, news, seed)
        inputs = {key: value for key, value in news.items() if value is not None}
        _name(urn, inputs, olds, seed)
        inputs.setdefault("namespace", self._namespace)
        inputs.setdefault("timeout", _DEFAULT_TIMEOUT)
        known = [] if inputs == olds else [*sdk_schema.faults(RELEASE, inputs)]
        return inputs, [*known, *_faults(inputs)]

    def diff(self, request: Request) -> Difference:
        """Compare the inputs; a release can't move or be renamed."""
        if request.urn.type != RELEASE:
            return super().diff(request)
        return Difference.between(request.old_inputs, request.inputs, immutable=_REPLACES)

    def create(self, request: Request) -> tuple[str, Properties]:
        """Install the release, once its pods are ready."""
        if request.urn.type != RELEASE:
            return super().create(request)
        if not request.preview:
            self._install(request, objects(request.inputs), instead_of=())
        release = f"{request.inputs['namespace']}/{request.inputs['name']}"
        return release, _recorded(request.inputs, revision=1)

    def read(self, request: Request) -> Live | None:
        """Return the release as it was recorded, unless the cluster has nothing of it."""
        if request.urn.type != RELEASE:
            return super().read(request)
        made = objects(request.inputs)
        if made and not any(self._live(body) for body in made):
            return None
        return Live(request.id, request.inputs, request.old_outputs)

    def update(self, request: Request) -> Properties:
        """Bring the release to its next revision."""
        if request.urn.type != RELEASE:
            return super().update(request)
        if not request.preview:
            before, after = objects(request.old_inputs), objects(request.inputs)
            self._install(request, after, instead_of=before)
            self._remove_but(request, before, after)
        revision = nested(request.old_outputs, "status").get("revision", 0)
        return _recorded(request.inputs, revision=revision + 1)

    def delete(self, request: Request) -> None:
        """Remove what the release made."""
        if request.urn.type != RELEASE:
            super().delete(request)
        else:
            self._remove_but(request, objects(request.inputs), ())

    def _install(
        self, request: Request, made: Sequence[Object], *, instead_of: Sequence[Object]
    ) -> None:
        try:
            for body in made:
                with refusals(body):
                    live = self._objects.create(body, _MANAGER, upsert=True)
                    self._objects.ready(body, live, request.timeout)
        except (NotReadyError, Refused) as error:  # as with `atomic`, it is what it was before
            for old in instead_of:
                with refusals(old):
                    self._objects.update(old, _MANAGER, force=True)
            self._remove_but(request, made, instead_of)
            raise Refused(str(error)) from error

    def _remove_but(self, request: Request, made: Sequence[Object], kept: Sequence[Object]) -> None:
        addresses = [address(body) for body in kept]
        for body in (body for body in reversed(made) if address(body) not in addresses):
            with refusals(body):
                self._objects.delete(body, None, request.timeout)

    def _live(self, body: Object) -> Object | None:
        metadata = body["metadata"]
        where = metadata.get("namespace", ""), metadata["name"]
        with refusals(body):
            return self._objects.get(body["apiVersion"], body["kind"], *where)


def _name(urn: Urn, inputs: Properties, olds: Properties, seed: bytes) -> None:
    if inputs.get("name"):
        return
    inputs[_AUTONAMED] = ["name"]
    digest = hashlib.sha256((seed or secrets.token_bytes()) + str(urn).encode()).hexdigest()
    kept = olds.get("name") if _AUTONAMED in olds else None
    inputs["name"] = kept or f"{urn.name}-{digest[:8]}"


def _faults(inputs: Properties) -> Iterator[Failure]:
    version = inputs.get("version")
    if version is None:
        limit = "version is required here: without one, Helm installs whatever is the latest"
        yield Failure("version", f"{limit} version of {inputs.get('chart')}")
    elif version != UNKNOWN and not _VERSION.fullmatch(str(version)):
        yield Failure("version", f"must be one version, such as 1.2.3, got {version!r}")
    name = inputs["name"]
    if name != UNKNOWN and len(str(name)) > _LONGEST_NAME:
        yield Failure("name", f"must have at most {_LONGEST_NAME} characters, got {name!r}")


def _recorded(inputs: Properties, *, revision: int) -> Properties:
    keys = ("chart", "name", "namespace", "version")
    status = {key: inputs.get(key, UNKNOWN) for key in keys}
    deployed = {"status": "deployed", "revision": revision}
    return {**inputs, "status": {**status, **deployed}, "resourceNames": {}}


if __name__ == "__main__":
    serve(KubernetesWithReleases())
