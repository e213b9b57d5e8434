"""The lab's file, and what is loaded of it: as it is, with changes, on Spot nodes."""

from typing import Any

import settings
from settings.gke import GkeSettings
from tests.unit.stack_files import MODELS, PLATFORM, ROOT, config_of, configure, put

PROJECT = "gcp:project"
POOL = f"{PLATFORM}.pools.default-pool"
MODEL = f"{MODELS}.image-classifier"
TOTAL = {"minimum": 1, "initial": 1, "maximum": 3}
SYSTEM = {
    "kind": "on_demand",
    "machine_type": "e2-medium",
    "nodes_in_total": {"minimum": 0, "initial": 0, "maximum": 1},
}


def lab(**changes: Any) -> dict[str, Any]:
    """Return the lab's config with other values at some keys; a dot is two underscores."""
    config = config_of(ROOT / "Pulumi.gke.yaml")
    for key, value in changes.items():
        put(config, f"{PLATFORM}.{key.replace('__', '.')}", value)
    return config


def loaded(config: dict[str, Any]) -> tuple[GkeSettings, settings.Settings]:
    """Return what a file is read as, its platform first."""
    configure(config)
    found = settings.load()
    assert isinstance(found.platform, GkeSettings)
    return found.platform, found


def spot_lab(**pool: Any) -> dict[str, Any]:
    """Return it with a pool of Spot nodes that has these fields, and one for GKE's own pods."""
    config = lab()
    put(config, f"{PLATFORM}.pools.system", SYSTEM)
    put(config, POOL, {"kind": "spot", "machine_type": "n1-standard-4", **pool})
    put(config, f"{MODEL}.longest_request_seconds", 2)
    put(config, f"{MODEL}.grpc_connection_age_seconds", 2)
    put(config, f"{MODEL}.expose", None)
    return config
