"""The `kubernetes` provider with Helm releases, which are recorded: no chart is fetched.

What a release's controllers do to a cluster, parts of the sandbox do in their place. Checked is
what the program says: the properties that the SDK knows, and a version that is pinned.
"""

import hashlib
import re
import secrets
from collections.abc import Iterator, Sequence

from sandbox.providers import sdk_schema
from sandbox.providers.differences import Difference
from sandbox.providers.kubernetes import KubernetesProvider
from sandbox.providers.plugin import Failure, Live, Request, Urn
from sandbox.providers.servicer import serve
from sandbox.providers.values import UNKNOWN, Properties, nested

RELEASE = "kubernetes:helm.sh/v3:Release"

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
        return inputs, [*sdk_schema.faults(RELEASE, inputs), *_faults(inputs)]

    def diff(self, request: Request) -> Difference:
        """Compare the inputs; a release can't move or be renamed."""
        if request.urn.type != RELEASE:
            return super().diff(request)
        return Difference.between(request.old_inputs, request.inputs, immutable=_REPLACES)

    def create(self, request: Request) -> tuple[str, Properties]:
        """Record the release as deployed."""
        if request.urn.type != RELEASE:
            return super().create(request)
        release = f"{request.inputs['namespace']}/{request.inputs['name']}"
        return release, _recorded(request.inputs, revision=1)

    def read(self, request: Request) -> Live | None:
        """Return the release as it was recorded."""
        if request.urn.type != RELEASE:
            return super().read(request)
        return Live(request.id, request.inputs, request.old_outputs)

    def update(self, request: Request) -> Properties:
        """Record the release's next revision."""
        if request.urn.type != RELEASE:
            return super().update(request)
        revision = nested(request.old_outputs, "status").get("revision", 0)
        return _recorded(request.inputs, revision=revision + 1)

    def delete(self, request: Request) -> None:
        """Forget the release."""
        if request.urn.type != RELEASE:
            super().delete(request)


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
