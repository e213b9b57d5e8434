"""The `gke-tuned` environment on the real engine: profiles come up with all of their replicas."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.load import is_ready
from settings.serving_profiles import serving_profiles
from tests.sandbox.conftest import Environment, until

_PROFILE = "tfserving:serving_profile"
# The shipped one and then, in its place, one that is most unlike it.
_SOME = ("2n-8c-16r-interop4", "8n-2c-4r-interop8")
_REST = [
    pytest.param(name, marks=pytest.mark.slow) for name in serving_profiles() if name not in _SOME
]


@pytest.fixture(scope="module")
def tuned(clone: Path) -> Iterator[Environment]:
    """The shipped `gke-tuned` environment, not deployed yet."""
    environment = Environment(clone, "gke-tuned")
    shipped = environment.file.read_text()
    yield environment
    environment.file.write_text(shipped)
    environment.end()


@pytest.mark.parametrize("name", [*_SOME, *_REST])
def test_a_profile_comes_up_with_all_its_replicas_each_on_a_node_of_its_size(tuned, name):
    profile = serving_profiles()[name]
    tuned.edit({_PROFILE: name})
    tuned.engine.deploy()

    pods = until(lambda: ready_of(tuned, profile.replicas), seconds=60)
    assert pods, f"not all of {profile.replicas} pods are ready"
    homes = Counter(pod["spec"]["nodeName"] for pod in pods)
    assert {*homes.values()} == {1}
    types = {
        node["metadata"]["labels"]["node.kubernetes.io/instance-type"]
        for node in tuned.nodes()
        if node["metadata"]["name"] in homes
    }
    assert types == {f"n2-custom-{profile.vcpus}-{profile.memory_gib * 1024}"}
    (args,) = {tuple(pod["spec"]["containers"][0]["args"]) for pod in pods}
    assert f"--tensorflow_inter_op_parallelism={profile.inter_op}" in args
    assert f"--tensorflow_intra_op_parallelism={profile.vcpus}" in args
    assert f"--enable_batching={str(profile.batching).lower()}" in args


def test_it_has_neither_changes_nor_drift(tuned):
    tuned.engine.pulumi("preview", "--expect-no-changes", quiet=True)
    tuned.engine.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes", quiet=True)


def ready_of(environment: Environment, count: int) -> list[dict[str, dict[str, object]]] | None:
    pods = [pod for pod in environment.pods("tfs-server") if is_ready(pod)]
    return pods if len(pods) == count == len(environment.pods("tfs-server")) else None
