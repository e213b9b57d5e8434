"""The init container that brings a model version into a pod and verifies it."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import ContainerArgsDict, SecurityContextArgsDict

from components.kubernetes.resources import Requests

FETCHER_IMAGE = "rclone/rclone:1.71.0"
FETCH_REQUESTS = Requests(cpu="100m", memory="128Mi")
MANIFEST = "manifest.sha256"
RESTRICTED: SecurityContextArgsDict = {
    "allow_privilege_escalation": False,
    "read_only_root_filesystem": True,
    "capabilities": {"drop": ["ALL"]},
}

# https://rclone.org/docs/: the copy has a time, and so have a connection and a silence. What fails
# is tried again a few times; after that the kubelet starts the container again, and waits longer.
_LIMITS = "--max-duration=15m --cutoff-mode=hard --contimeout=10s --timeout=30s"
_RETRIES = "--retries=1 --low-level-retries=3"
_QUIET = "--stats=0 --log-level=ERROR"

# For dash and the BusyBox of the image. What an earlier attempt left is not trusted: all is copied
# again, and what is not in the bucket goes. 3 and 9: there is no such folder, or nothing in it.
_SCRIPT = f"""\
fail() {{ printf '%s\\n' "$BUCKET/$KEY $1" >&2; exit 1; }}

rclone sync "models:$BUCKET/$KEY/" "$TARGET" --ignore-times --error-on-no-transfer \\
  {_LIMITS} {_RETRIES} {_QUIET} || case $? in
  3 | 9) fail 'is not there: publish this version, or set one that is published' ;;
  *) fail 'cannot be read: see above why; if it is denied, let the service account read it' ;;
esac
test -f "$TARGET/{MANIFEST}" ||
  fail 'has no {MANIFEST}: publish it beside the files, as sha256sum writes it'

found=$(rclone checksum sha256 "$TARGET/{MANIFEST}" "$TARGET" \\
  --exclude=/{MANIFEST} --combined=- {_QUIET}) || {{
  faults=$(printf '%s\\n' "$found" | sed -n \\
    -e 's/^\\* \\(.*\\)/\\1 differs, /p' -e 's/^+ \\(.*\\)/\\1 is missing, /p' \\
    -e 's/^- \\(.*\\)/\\1 is extra, /p' -e 's/^! \\(.*\\)/\\1 cannot be read, /p' |
    head -n 5 | tr -d '\\n')
  fail "is not what its {MANIFEST} says (${{faults%, }}): publish this version again, whole"
}}
test -f "$TARGET/saved_model.pb" ||
  fail 'has no saved_model.pb: publish a SavedModel, with all its files in {MANIFEST}'
"""


@dataclass(frozen=True, kw_only=True)
class ModelRemote:
    """Where models are, in rclone's words: a bucket and the options of the remote it is on."""

    bucket: pulumi.Input[str]
    options: Mapping[str, pulumi.Input[str]]


def fetch_container(  # noqa: PLR0913 - what is fetched, from where and to where
    remote: ModelRemote,
    key: str,
    *,
    target: str,
    volume: str,
    mount: str,
    name: str = "fetch-model",
    image: str = FETCHER_IMAGE,
) -> ContainerArgsDict:
    """Return a container that ends well only if the target holds what the manifest lists.

    Several of them may be in one pod, each with a name and a target of its own.
    """
    environment: dict[str, pulumi.Input[str]] = {
        "BUCKET": remote.bucket,
        "KEY": key,
        "TARGET": target,
        # The user has no home, and the root file system cannot be written to.
        "RCLONE_CONFIG": "/dev/null",
        "RCLONE_CACHE_DIR": "/dev/null",
        **{f"RCLONE_CONFIG_MODELS_{word.upper()}": value for word, value in remote.options.items()},
    }
    return {
        "name": name,
        "image": image,
        "command": ["/bin/sh", "-euc", _SCRIPT],
        "env": [{"name": each, "value": value} for each, value in environment.items()],
        "resources": {
            "requests": {"cpu": FETCH_REQUESTS.cpu, "memory": FETCH_REQUESTS.memory},
            "limits": {"memory": "512Mi"},
        },
        "security_context": RESTRICTED,
        # What it said last is the pod's status too, where one looks first.
        "termination_message_policy": "FallbackToLogsOnError",
        "volume_mounts": [{"name": volume, "mount_path": mount}],
    }
