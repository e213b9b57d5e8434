"""Runs a container of a pod as the API server has it: its command, environment, mounts and user."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.kubernetes_api import Object, items

KEY = "models/half-plus-two/1"
"""Where the shipped model's version is, in this repository as in a bucket."""

SOURCE = Path(__file__).parents[2] / KEY

# A root of its own, which nobody else sees and which cannot be written to. The host's folders stand
# for the image; beside them are the program that the image is of, and the volumes.
_AS_A_CONTAINER = """
set -eu
root=$1 program=$2 volumes=$3
shift 3
bind() { mkdir -p "$root$2" && mount --rbind "$1" "$root$2"; }
mount -t tmpfs -o mode=755 tmpfs "$root"
for folder in bin lib lib64 usr etc dev proc; do
  test ! -e "/$folder" || bind "/$folder" "/$folder"
done
mkdir "$root/image"
touch "$root/image/${program##*/}"
mount --bind "$program" "$root/image/${program##*/}"
printf '%s\\n' "$volumes" | while IFS=: read -r folder path; do bind "$folder" "$path"; done
mount -o remount,bind,ro "$root"
exec chroot "$@"
"""
_SECONDS = 120


@dataclass(frozen=True)
class Fetch:
    """What a pod's init container does in a pod whose volumes are new."""

    pod: Object
    volumes: Path
    rclone: Path
    account: Mapping[str, str] = field(repr=False)
    """What the cloud adds to its environment, and where the emulator is."""

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return run_container(
            self.pod,
            "fetch-model",
            self.volumes,
            self.rclone,
            {**self.account, **environment},
        )

    def fails(self, **environment: str) -> str:
        """Run it and return the sentence that it ends with."""
        done = self.run(**environment)
        assert done.returncode == 1, done.stderr
        return done.stderr.splitlines()[-1]

    @property
    def version(self) -> Path:
        """Where the server looks for the version."""
        return self.volumes / KEY


def content(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def flipped(name: str) -> bytes:
    """Return a file of the shipped version with one bit of it changed."""
    data = bytearray((SOURCE / name).read_bytes())
    data[len(data) // 2] ^= 1
    return bytes(data)


def run_container(
    pod: Object, name: str, volumes: Path, program: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run it to its end. A volume is the folder of its name; the environment is beside its own.

    Who is root runs it as the pod's user, who is not as themselves.
    """
    (container,) = [
        each
        for each in [*items(pod, "spec", "initContainers"), *items(pod, "spec", "containers")]
        if each["name"] == name
    ]
    mounts = [_mount(volumes, mount) for mount in items(container, "volumeMounts")]
    user = pod["spec"]["securityContext"]["runAsUser"]
    is_root = os.geteuid() == 0
    root = volumes.with_name(f"{volumes.name}-root")
    root.mkdir(exist_ok=True)
    return subprocess.run(
        [
            *("unshare", "--mount", *(() if is_root else ("--map-root-user",))),
            *("sh", "-c", _AS_A_CONTAINER, "sh", root, program, "\n".join(mounts)),
            *((f"--userspec={user}:{user}", "--groups=") if is_root else ()),
            *(root, *items(container, "command"), *items(container, "args")),
        ],
        env={
            "PATH": "/image:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/",  # as of a user whom the image does not know
            **{each["name"]: each["value"] for each in items(container, "env")},
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )


def _mount(volumes: Path, mount: Object) -> str:
    assert "subPath" not in mount
    folder = volumes / mount["name"]
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o777)  # as an emptyDir is
    return f"{folder}:{mount['mountPath']}"
