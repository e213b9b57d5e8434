"""Every manifest of every stack file that we ship, as kube-score judges it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

import settings
import stacks
from sandbox import toolchain
from sandbox.layout import Layout
from tests.unit.stack_files import STACK_FILES, config_of, configure

EXCEPTIONS = Path(__file__).with_name("manifest_exceptions.yaml")
_RELEASE = "kubernetes:helm.sh/v3:Release"  # its manifests are the chart's own
_OK = 10  # kube-score's grades are 1, 5, 7 and 10


class Finding(NamedTuple):
    """What kube-score says against an object: its check, the kind, and the place within it."""

    check: str
    kind: str
    path: str


@pytest.fixture(scope="module")
def kube_score() -> Path:
    return toolchain.ensure_one(Layout.of_this_clone(), "kube-score")


def manifests(cloud: Any, stack_file: Path) -> list[dict[str, Any]]:
    configure(config_of(stack_file))
    cloud.run(lambda: stacks.deploy(settings.load()))
    return [
        manifest
        for typ in sorted(cloud.types())
        if typ.startswith("kubernetes:") and typ != _RELEASE
        for manifest in cloud.all(typ).values()
    ]


def findings(kube_score: Path, objects: list[dict[str, Any]]) -> Iterator[Finding]:
    command = [kube_score, "score", "--kubernetes-version=v1.35", "--output-format=json", "-"]
    judged = subprocess.run(
        command, input=yaml.safe_dump_all(objects), capture_output=True, text=True, check=False
    )
    assert judged.stdout, judged.stderr
    for each in json.loads(judged.stdout):
        for check in each["checks"]:
            if check["grade"] < _OK and not check["skipped"]:
                for comment in check["comments"] or [{"path": ""}]:
                    yield Finding(check["check"]["id"], each["type_meta"]["kind"], comment["path"])


def exceptions(stack: str) -> Iterator[Finding]:
    for each in yaml.safe_load(EXCEPTIONS.read_text()):
        assert each["reason"]
        if stack in each.get("stacks", [stack]):
            yield from (Finding(each["check"], each["kind"], path) for path in each["path"])


@pytest.mark.parametrize("stack_file", STACK_FILES, ids=lambda file: file.name)
def test_manifests_are_found_good_or_excepted_with_a_reason(cloud, kube_score, stack_file):
    objects = manifests(cloud, stack_file)

    found = set(findings(kube_score, objects))

    assert objects
    assert sorted(found) == sorted(exceptions(stack_file.stem.removeprefix("Pulumi.")))


def test_a_bad_manifest_is_found(kube_score):
    pod = {"containers": [{"name": "web", "image": "web:latest"}]}
    bad = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": pod}

    assert Finding("container-image-tag", "Pod", "web") in set(findings(kube_score, [bad]))
