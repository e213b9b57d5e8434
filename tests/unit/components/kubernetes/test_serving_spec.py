"""TensorFlowServingSpec: the images and resources that it takes; the rest is tested by key."""

from typing import Any

import pytest

from components.bounds import Bounds
from components.kubernetes.serving_spec import Limits, Requests, TensorFlowServingSpec
from components.spec import SpecError


def a_spec(**values: Any) -> TensorFlowServingSpec:
    sound: dict[str, Any] = {
        "version": 1,
        "image": "tensorflow/serving:2.19.1",
        "replicas": Bounds(minimum=1, initial=1, maximum=1),
        "requests": Requests(cpu="2", memory="2Gi"),
        "limits": Limits(cpu="2", memory="2Gi"),
    }
    return TensorFlowServingSpec(**{**sound, **values})


@pytest.mark.parametrize(
    "image",
    [
        "tensorflow/serving:2.19.1",
        "tensorflow/serving:2.19.1-gpu",
        "serving:1",
        "registry.example:5000/team/serving:v1",
        f"tensorflow/serving@sha256:{'0' * 64}",
        f"tensorflow/serving:2.19.1@sha256:{'0' * 64}",
    ],
)
def test_a_pinned_image_is_taken(image):
    assert a_spec(image=image).image == image


@pytest.mark.parametrize(
    "image",
    [
        "tensorflow/serving",
        "tensorflow/serving:",
        "tensorflow/serving:latest",
        "registry.example:5000/serving",
        "tensorflow/serving@sha256:0",
        "",
    ],
)
def test_any_other_image_is_refused(image):
    with pytest.raises(SpecError, match="image: must name a version other than latest"):
        a_spec(image=image)


def test_limits_may_equal_requests_and_the_cpu_limit_may_be_left_out():
    a_spec()
    a_spec(limits=Limits(memory="2048Mi"))


def test_faults_of_both_limits_are_told():
    with pytest.raises(SpecError) as refusal:
        a_spec(limits=Limits(cpu="1", memory="1Gi"))

    assert str(refusal.value) == (
        "limits.cpu: must not be below the request, 2, got '1'; "
        "limits.memory: must not be below the request, 2Gi, got '1Gi'"
    )


@pytest.mark.parametrize("cpu", ["0", "0m", "two"])
def test_requests_are_positive(cpu):
    with pytest.raises(SpecError, match="cpu: must be a positive quantity"):
        Requests(cpu=cpu, memory="1Gi")


def test_limits_are_positive():
    with pytest.raises(SpecError, match="memory: must be a positive quantity"):
        Limits(memory="0")
