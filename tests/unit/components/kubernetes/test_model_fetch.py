"""The fetch: what it asks of rclone, and what it says of the answers.

That rclone then does so, `tests/sandbox/test_model_fetch.py` shows.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from components.kubernetes.model_fetch import ModelRemote, fetch_container
from components.kubernetes.serving_spec import ServedVersions

RCLONE = Path(__file__).parents[4] / "sandbox/toolchain/rclone/go.mod"
REMOTE = ModelRemote(bucket="bucket", options={"type": "s3", "env_auth": "true"})


def a_container(target: str = "/models/m/3") -> Any:
    return fetch_container(REMOTE, "models/m/3", target=target, volume="models", mount="/models")


def test_the_image_is_of_the_version_that_the_sandbox_runs():
    _, version = a_container()["image"].split("rclone/rclone:")

    assert f"\nrequire github.com/rclone/rclone v{version}\n" in RCLONE.read_text()


def test_a_models_versions_are_below_its_name_or_its_path():
    assert ServedVersions(version=3).folder("m") == "models/m"
    assert ServedVersions(version=3, path="resnet_101").folder("m") == "resnet_101"


def test_the_environment_says_where_from_and_where_to():
    assert {each["name"]: each["value"] for each in a_container()["env"]} == {
        "BUCKET": "bucket",
        "KEY": "models/m/3",
        "TARGET": "/models/m/3",
        "RCLONE_CONFIG": "/dev/null",
        "RCLONE_CACHE_DIR": "/dev/null",
        "RCLONE_CONFIG_MODELS_TYPE": "s3",
        "RCLONE_CONFIG_MODELS_ENV_AUTH": "true",
    }


def test_options_of_other_remotes_are_told_in_the_same_way():
    options = {"type": "google cloud storage", "bucket_policy_only": "true"}
    remote = ModelRemote(bucket="bucket", options=options)
    container: Any = fetch_container(remote, "models/m/3", target="/t", volume="v", mount="/m")

    told = {each["name"]: each["value"] for each in container["env"]}
    assert told["RCLONE_CONFIG_MODELS_TYPE"] == "google cloud storage"
    assert told["RCLONE_CONFIG_MODELS_BUCKET_POLICY_ONLY"] == "true"


def test_several_in_one_pod_share_a_volume_and_have_names_and_targets_of_their_own():
    def fetcher(version: int, name: str) -> Any:
        target = f"/models/m/{version}"
        key = f"models/m/{version}"
        return fetch_container(
            REMOTE, key, target=target, volume="models", mount="/models", name=name
        )

    one, other = fetcher(1, "fetch-1"), fetcher(2, "fetch-2")
    differing = {field for field in one if one[field] != other[field]}
    told = [
        {each["name"]: each["value"] for each in container["env"]} for container in (one, other)
    ]

    assert a_container()["name"] == "fetch-model"
    assert (one["name"], other["name"]) == ("fetch-1", "fetch-2")
    assert differing == {"name", "env"}
    assert [(each["KEY"], each["TARGET"]) for each in told] == [
        ("models/m/1", "/models/m/1"),
        ("models/m/2", "/models/m/2"),
    ]


def test_what_it_says_last_becomes_the_status_of_the_pod():
    assert a_container()["termination_message_policy"] == "FallbackToLogsOnError"


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


class Fetch:
    """The container's command with a stand-in for rclone, which notes what it is asked."""

    def __init__(self, folder: Path) -> None:
        self.target = folder / "target"
        self._asked = folder / "asked"
        self._tools = folder / "bin"
        self._tools.mkdir()
        self._tools.joinpath("rclone").write_text(
            f"""#!/bin/sh
{{ printf '%s ' "$@"; echo; }} >> {self._asked}
case $1 in
  sync) mkdir -p "$3"; cd "$3"; touch $FILES; exit $SYNC ;;
  checksum) printf '%s' "$FOUND"; exit $CHECKSUM ;;
esac
"""
        )
        self._tools.joinpath("rclone").chmod(0o755)

    @property
    def asked(self) -> Sequence[str]:
        """What rclone was asked for, call by call."""
        return self._asked.read_text().replace(str(self.target), "TARGET").splitlines()

    def run(
        self,
        files: str = "saved_model.pb manifest.sha256",
        *,
        sync: int = 0,
        checksum: int = 0,
        found: str = "",
    ) -> subprocess.CompletedProcess[str]:
        """Run it with what the copy brings, and how the two calls of rclone end."""
        container = a_container(str(self.target))
        answers = {"FILES": files, "SYNC": sync, "CHECKSUM": checksum, "FOUND": found}
        return subprocess.run(
            container["command"],
            env={
                "PATH": f"{self._tools}:{os.environ['PATH']}",
                **{each["name"]: each["value"] for each in container["env"]},
                **{name: str(answer) for name, answer in answers.items()},
            },
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def fetch(tmp_path: Path) -> Fetch:
    return Fetch(tmp_path)


def test_a_sound_version_is_copied_verified_and_not_talked_about(fetch):
    done = fetch.run()

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert fetch.asked == [
        "sync models:bucket/models/m/3/ TARGET --ignore-times --error-on-no-transfer "
        "--max-duration=15m --cutoff-mode=hard --contimeout=10s --timeout=30s "
        "--retries=1 --low-level-retries=3 --stats=0 --log-level=ERROR ",
        "checksum sha256 TARGET/manifest.sha256 TARGET --exclude=/manifest.sha256 --combined=- "
        "--stats=0 --log-level=ERROR ",
    ]


@pytest.mark.parametrize("status", [3, 9])
def test_a_version_that_is_not_there_is_told(fetch, status):
    done = fetch.run(sync=status)

    assert done.returncode == 1
    assert done.stderr == (
        "bucket/models/m/3 is not there: publish this version, or set one that is published\n"
    )


@pytest.mark.parametrize("status", [1, 2, 7, 10])
def test_a_version_that_cannot_be_read_is_told(fetch, status):
    done = fetch.run(sync=status)

    assert done.returncode == 1
    assert done.stderr == (
        "bucket/models/m/3 cannot be read: "
        "see above why; if it is denied, let the service account read it\n"
    )
    assert len(fetch.asked) == 1


def test_a_version_without_a_manifest_is_told(fetch):
    done = fetch.run("saved_model.pb")

    assert done.returncode == 1
    assert done.stderr == (
        "bucket/models/m/3 has no manifest.sha256: "
        "publish it beside the files, as sha256sum writes it\n"
    )


def test_each_file_that_is_not_as_it_should_be_is_told(fetch):
    found = "= good\n* a b\n+ c/d\n- e\n! f\n"
    done = fetch.run(checksum=1, found=found)

    assert done.returncode == 1
    assert done.stderr == (
        "bucket/models/m/3 is not what its manifest.sha256 says "
        "(a b differs, c/d is missing, e is extra, f cannot be read): "
        "publish this version again, whole\n"
    )


def test_of_many_files_the_first_are_told(fetch):
    done = fetch.run(checksum=1, found="".join(f"+ {number}\n" for number in range(1, 1000)))

    assert "(1 is missing, 2 is missing, 3 is missing, 4 is missing, 5 is missing):" in done.stderr


def test_a_version_without_a_model_is_told(fetch):
    done = fetch.run("manifest.sha256")

    assert done.returncode == 1
    assert done.stderr == (
        "bucket/models/m/3 has no saved_model.pb: "
        "publish a SavedModel, with all its files in manifest.sha256\n"
    )
