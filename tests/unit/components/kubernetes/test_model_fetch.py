"""The fetch: what it copies, from where, and what makes it fail."""

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.kubernetes.model_fetch import ModelRemote, fetch_container, model_key

REMOTE = ModelRemote(bucket="bucket", options={"type": "s3", "env_auth": "true"})


def a_container(target: str = "/models/m/3") -> Any:
    return fetch_container(REMOTE, "models/m/3", target=target, volume="models", mount="/models")


def test_the_image_is_pinned():
    assert a_container()["image"] == "rclone/rclone:1.71.0"


def test_a_models_files_are_below_its_name_and_version():
    assert model_key("m", 3) == "models/m/3"


def test_the_environment_says_where_from_and_where_to():
    assert {each["name"]: each["value"] for each in a_container()["env"]} == {
        "BUCKET": "bucket",
        "KEY": "models/m/3",
        "TARGET": "/models/m/3",
        "RCLONE_CONFIG": "/dev/null",
        "RCLONE_CONFIG_MODELS_TYPE": "s3",
        "RCLONE_CONFIG_MODELS_ENV_AUTH": "true",
    }


def test_it_writes_to_the_volume_and_nowhere_else():
    container = a_container()

    assert container["volume_mounts"] == [{"name": "models", "mount_path": "/models"}]
    assert container["security_context"] == {
        "allow_privilege_escalation": False,
        "read_only_root_filesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_it_asks_for_less_than_a_server_does():
    assert a_container()["resources"] == {
        "requests": {"cpu": "100m", "memory": "128Mi"},
        "limits": {"memory": "512Mi"},
    }


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """A folder that a stand-in for rclone copies from, with a sound version in it."""
    bucket, tools = tmp_path / "bucket", tmp_path / "bin"
    bucket.mkdir()
    tools.mkdir()
    (bucket / "saved_model.pb").write_bytes(b"graph")
    digest = hashlib.sha256(b"graph").hexdigest()
    (bucket / "manifest.sha256").write_text(f"{digest}  saved_model.pb\n")
    (tools / "rclone").write_text('#!/bin/sh\nmkdir -p "$3" && cp -r "${2#models:}"/. "$3"\n')
    (tools / "rclone").chmod(0o755)
    return bucket


def fetch(bucket: Path) -> subprocess.CompletedProcess[str]:
    target = bucket.parent / "target"
    environment = {
        "PATH": f"{bucket.parent / 'bin'}:{os.environ['PATH']}",
        "BUCKET": str(bucket.parent),
        "KEY": bucket.name,
        "TARGET": str(target),
    }
    return subprocess.run(
        a_container()["command"], env=environment, capture_output=True, text=True, check=False
    )


def test_a_sound_version_is_copied(bucket):
    assert fetch(bucket).returncode == 0
    assert (bucket.parent / "target" / "saved_model.pb").read_bytes() == b"graph"


def test_a_changed_file_fails_with_a_sentence(bucket):
    (bucket / "saved_model.pb").write_bytes(b"Graph")

    done = fetch(bucket)

    assert done.returncode == 1
    assert "bucket is not what its manifest says" in done.stderr


@pytest.mark.parametrize("name", ["saved_model.pb", "manifest.sha256"])
def test_a_missing_file_fails(bucket, name):
    (bucket / name).unlink()

    assert fetch(bucket).returncode == 1


def test_a_folder_without_a_model_fails_with_a_sentence(bucket):
    (bucket / "saved_model.pb").unlink()
    (bucket / "manifest.sha256").write_text("")

    assert "bucket holds no saved_model.pb" in fetch(bucket).stderr


def test_a_copy_that_fails_fails_with_a_sentence(bucket):
    (bucket.parent / "bin" / "rclone").write_text("#!/bin/sh\nexit 3\n")

    done = fetch(bucket)

    assert done.returncode == 1
    assert "cannot fetch bucket" in done.stderr
