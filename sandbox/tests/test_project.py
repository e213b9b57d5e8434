"""Stack files as the sandbox reads them: whose cluster the models are on, and in which cloud."""

from pathlib import Path

import pytest

from sandbox.layout import Layout
from sandbox.project import cluster_of, gcp_project, is_on_gke, region

GKE = "tfserving:platform: {kind: gke, location: us-central1-f}"
NORTH = "northamerica-northeast1"
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


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("config:\n  aws:region: eu-west-1\n", "eu-west-1"),
        ("config: {}\n", "us-east-1"),
        (f"config:\n  {GKE}\n", "us-central1"),
        (f"config:\n  {GKE.replace('us-central1-f', 'europe-west4')}\n", "europe-west4"),
        (f"config:\n  {GKE.replace('us-central1-f', 'northamerica-northeast1-a')}\n", NORTH),
    ],
)
def test_a_stacks_region_is_what_its_file_names_or_where_its_location_is(
    tmp_path: Path, content: str, expected: str
):
    (tmp_path / "Pulumi.own.yaml").write_text(content)

    assert region(Layout(tmp_path), "own") == expected


@pytest.mark.parametrize(
    ("content", "on_gke", "project"),
    [
        (f"config:\n  gcp:project: mine\n  {GKE}\n", True, "mine"),
        (f"config:\n  {GKE}\n", True, ""),
        ("config:\n  tfserving:platform: {kind: eks}\n", False, ""),
        ("config: {}\n", False, ""),
    ],
)
def test_a_stack_is_on_gke_by_its_platform(
    tmp_path: Path, content: str, on_gke: bool, project: str
):
    (tmp_path / "Pulumi.own.yaml").write_text(content)
    layout = Layout(tmp_path)

    assert (is_on_gke(layout, "own"), gcp_project(layout, "own")) == (on_gke, project)
