"""The init container that brings a model version into a pod and verifies it."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import ContainerArgsDict, SecurityContextArgsDict

from components.kubernetes.serving_spec import Requests

FETCHER_IMAGE = "rclone/rclone:1.71.0"
FETCH_REQUESTS = Requests(cpu="100m", memory="128Mi")
MANIFEST = "manifest.sha256"
RESTRICTED: SecurityContextArgsDict = {
    "allow_privilege_escalation": False,
    "read_only_root_filesystem": True,
    "capabilities": {"drop": ["ALL"]},
}

# The image is Alpine's: sh and sha256sum are BusyBox's.
_SCRIPT = f"""\
rclone copy "models:$BUCKET/$KEY" "$TARGET" || {{ echo "cannot fetch $KEY" >&2; exit 1; }}
cd "$TARGET"
test -f saved_model.pb || {{ echo "$KEY holds no saved_model.pb" >&2; exit 1; }}
sha256sum -c {MANIFEST} || {{ echo "$KEY is not what its manifest says" >&2; exit 1; }}
"""


@dataclass(frozen=True, kw_only=True)
class ModelRemote:
    """Where models are, in rclone's words: a bucket and the options of the remote it is on."""

    bucket: pulumi.Input[str]
    options: Mapping[str, pulumi.Input[str]]


def model_key(model: str, version: int) -> str:
    """Return the key in the bucket below which the files of a model version are."""
    return f"models/{model}/{version}"


def fetch_container(
    remote: ModelRemote, key: str, *, target: str, volume: str, mount: str
) -> ContainerArgsDict:
    """Return a container that ends well only if the target holds what the manifest lists."""
    environment: dict[str, pulumi.Input[str]] = {
        "BUCKET": remote.bucket,
        "KEY": key,
        "TARGET": target,
        "RCLONE_CONFIG": "/dev/null",
        **{f"RCLONE_CONFIG_MODELS_{name.upper()}": value for name, value in remote.options.items()},
    }
    return {
        "name": "fetch-model",
        "image": FETCHER_IMAGE,
        "command": ["/bin/sh", "-euc", _SCRIPT],
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "resources": {
            "requests": {"cpu": FETCH_REQUESTS.cpu, "memory": FETCH_REQUESTS.memory},
            "limits": {"memory": "512Mi"},
        },
        "security_context": RESTRICTED,
        "volume_mounts": [{"name": volume, "mount_path": mount}],
    }
