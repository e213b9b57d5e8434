"""Specs of models, for tests of what is built around them."""

from typing import Any

from components.bounds import Bounds
from components.kubernetes.resources import Limits, Requests
from components.kubernetes.serving_spec import TensorFlowServingSpec


def a_spec(**values: Any) -> TensorFlowServingSpec:
    sound: dict[str, Any] = {
        "version": 1,
        "image": "tensorflow/serving:2.19.1",
        "replicas": Bounds(minimum=1, initial=1, maximum=3),
        "requests": Requests(cpu="1500m", memory="2Gi"),
        "limits": Limits(cpu="4", memory="4Gi"),
    }
    return TensorFlowServingSpec(**{**sound, **values})
