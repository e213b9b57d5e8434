"""The kinds that GKE has defined in every cluster, and its classes of Gateways."""

import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import yaml

from sandbox.errors import SandboxError
from sandbox.kubernetes_api import ApiError, KubernetesApi, Object, items

GATEWAY_API = "gateway.networking.k8s.io/v1"
GATEWAY_CONTROLLER = "networking.gke.io/gateway"
GATEWAY_CLASSES = (
    "gke-l7-global-external-managed",
    "gke-l7-regional-external-managed",
    "gke-l7-gxlb",
    "gke-l7-rilb",
)
"""Those of a single cluster, with the Gateway API's channel STANDARD.

https://docs.cloud.google.com/kubernetes-engine/docs/concepts/gateway-api#gatewayclass
"""

_FILE = Path(__file__).with_suffix(".yaml")
_MANAGER = "gke"
_SERVED_SECONDS = 30.0


def install(api: KubernetesApi) -> None:
    """Have the kinds served and the classes there, as this version of the sandbox knows them.

    Raises:
        SandboxError: the API server does not serve a kind in time.
    """
    for definition in definitions():
        api.apply(definition, field_manager=_MANAGER, force=True)
    deadline = time.monotonic() + _SERVED_SECONDS
    while waiting := [_name(each) for each in definitions() if not _is_served(api, each)]:
        if time.monotonic() > deadline:
            raise SandboxError(
                f"the API server does not serve {', '.join(waiting)} "
                f"{_SERVED_SECONDS:.0f} s after they were defined"
            )
        time.sleep(0.1)
    for name in GATEWAY_CLASSES:
        body: Object = {
            "apiVersion": GATEWAY_API,
            "kind": "GatewayClass",
            "metadata": {"name": name},
            "spec": {"controllerName": GATEWAY_CONTROLLER},
        }
        api.apply(body, field_manager=_MANAGER, force=True)


@cache
def definitions() -> Sequence[Object]:
    """Return what the kinds are: definitions.yaml."""
    return [*yaml.safe_load_all(_FILE.read_text())]


def _name(definition: Object) -> str:
    return definition["metadata"]["name"]


def _is_served(api: KubernetesApi, definition: Object) -> bool:
    spec = definition["spec"]
    try:
        # What is established may still have its storage made.
        api.list(f"{spec['group']}/{spec['versions'][0]['name']}", spec["names"]["kind"])
    except ApiError as error:
        if error.reason not in ("NotFound", "TooManyRequests", "UnknownKind"):
            raise
        return False
    live = api.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", _name(definition))
    return any(
        each["type"] == "Established" and each["status"] == "True"
        for each in items(live, "status", "conditions")
    )
