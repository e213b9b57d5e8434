"""What the last landed commit made comes up with this one, and what holds data stays."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.layout import Layout
from sandbox.machine import Machine
from sandbox.project import copy_repository

_REPOSITORY = Path(__file__).parents[2]
# It moves on whenever a later state of main is in use somewhere.
LANDED = "3d25fdc"
KEPT = (
    "aws:ec2/vpc:Vpc",
    "aws:ec2/subnet:Subnet",
    "aws:eks/cluster:Cluster",
    "aws:eks/nodeGroup:NodeGroup",
    "aws:autoscaling/group:Group",
    "aws:s3/bucket:Bucket",
    "kubernetes:core/v1:Namespace",
    "kubernetes:apps/v1:Deployment",
)


class Clone:
    """A clone with a virtual environment of its own, in which its sandbox is installed."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "clone"
        self.root.mkdir()
        self._venv = folder / "venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self._venv], check=True)
        (packages,) = self._venv.glob("lib/python*/site-packages")
        (packages / "clone.pth").write_text(f"{self.root}\n{sysconfig.get_path('purelib')}\n")

    def up(self) -> None:
        command = [self._venv / "bin" / "python", "-c", "from sandbox.cli import main; main()"]
        done = subprocess.run(
            [*command, "up", "--stack", "dev"],
            cwd=self.root,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def kept(self) -> dict[tuple[str, str], str]:
        """Return the time of creation, by type and id, of what may not be made anew."""
        state = self.root / ".sandbox" / "backend" / ".pulumi" / "stacks" / "tfserving" / "dev.json"
        resources = json.loads(state.read_text())["checkpoint"]["latest"]["resources"]
        return {
            (each["type"], each["id"]): each["created"]
            for each in resources
            if each["type"] in KEPT
        }


@pytest.fixture
def landed(tmp_path: Path) -> Iterator[Clone]:
    clone = Clone(tmp_path)
    archive = subprocess.run(
        ["git", "archive", LANDED], cwd=_REPOSITORY, capture_output=True, check=False
    )
    if archive.returncode:
        pytest.skip(f"commit {LANDED} is not in this clone's history, which may be a shallow one")
    subprocess.run(["tar", "--extract"], cwd=clone.root, input=archive.stdout, check=True)
    yield clone
    Machine(layout=Layout(clone.root)).end()


def test_what_the_last_landed_commit_made_is_kept(landed):
    landed.up()
    before = landed.kept()
    assert {typ for typ, _ in before} == set(KEPT)

    for entry in landed.root.iterdir():
        if entry.name not in (".sandbox", ".sandbox.lock"):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    copy_repository(_REPOSITORY, landed.root)
    landed.up()

    assert landed.kept() == before
