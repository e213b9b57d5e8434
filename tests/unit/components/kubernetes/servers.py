"""A server for tests: a sound spec, the component made of it, and what it asked for."""

from typing import Any

from components.bounds import Bounds
from components.kubernetes.model_fetch import ModelRemote
from components.kubernetes.serving_spec import TensorFlowServingSpec
from components.kubernetes.tensorflow_serving import TensorFlowServing, TensorFlowServingArgs
from planning.drain import Drain
from tests.unit.components.kubernetes.specs import a_spec

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
LABELS = {
    "app.kubernetes.io/name": "tensorflow-serving",
    "app.kubernetes.io/instance": "resnet",
}
DRAIN = Drain(
    deregistration_seconds=10, pre_stop_seconds=33, grace_seconds=38, max_unavailable="27%"
)


def resnet(**values: Any) -> TensorFlowServingSpec:
    replicas = Bounds(minimum=2, initial=4, maximum=9)
    return a_spec(**{"version": 3, "replicas": replicas, "namespace": "vision", **values})


def a_server(*, args: dict[str, Any] | None = None, **spec: Any) -> TensorFlowServing:
    """Return the component of a model `resnet`; `args` are those beside the spec."""
    return TensorFlowServing(
        "resnet",
        TensorFlowServingArgs(
            spec=resnet(**spec),
            remote=ModelRemote(bucket="bucket", options={"type": "s3"}),
            drain=DRAIN,
            **(args or {}),
        ),
    )


def template(cloud: Any) -> Any:
    return cloud.one(DEPLOYMENT)["spec"]["template"]


def container(cloud: Any) -> Any:
    (only,) = template(cloud)["spec"]["containers"]
    return only


def arguments(cloud: Any) -> dict[str, str]:
    """Return the flags of the server by name."""
    return dict(each.removeprefix("--").split("=", 1) for each in container(cloud)["args"])
