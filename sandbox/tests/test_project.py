"""Stack files as the sandbox reads them: whose cluster a stack's models are on."""

from pathlib import Path

import pytest

from sandbox.layout import Layout
from sandbox.project import cluster_of

SHARED = "config:\n  tfserving:platform: {kind: shared, stack: organization/tfserving/dev}\n"


@pytest.mark.parametrize(
    ("content", "cluster"),
    [
        (SHARED, "dev"),
        ("config:\n  tfserving:platform: {kind: eks, stack: organization/tfserving/dev}\n", "own"),
        ("config:\n  tfserving:platform: shared\n", "own"),
        ("config: {}\n", "own"),
        ("config: [\n", "own"),
    ],
)
def test_a_stack_has_its_own_cluster_unless_its_file_shares_anothers(
    tmp_path: Path, content: str, cluster: str
):
    (tmp_path / "Pulumi.own.yaml").write_text(content)

    assert cluster_of(Layout(tmp_path), "own") == cluster


def test_a_stack_without_a_file_has_its_own_cluster(tmp_path: Path):
    assert cluster_of(Layout(tmp_path), "gone") == "gone"
