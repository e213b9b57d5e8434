"""TensorFlowServingSpec: the images and resources that it takes; the rest is tested by key."""

import pytest

from components.kubernetes.resources import Limits, Requests
from components.kubernetes.serving_spec import ServedVersions, ThreadsSpec
from components.spec import SpecError
from tests.unit.components.kubernetes.specs import a_spec


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
        "tensorflow/serving:2.19.\uff11",
        "registry.example:5000/serving",
        "tensorflow/serving@sha256:0",
        "",
    ],
)
def test_any_other_image_is_refused(image):
    with pytest.raises(SpecError, match="image: must name a version other than latest"):
        a_spec(image=image)


def test_limits_may_equal_requests_and_the_cpu_limit_may_be_left_out():
    a_spec(limits=Limits(cpu="1500m", memory="2Gi"))
    a_spec(limits=Limits(memory="2048Mi"))


def test_faults_of_both_limits_are_told():
    with pytest.raises(SpecError) as refusal:
        a_spec(limits=Limits(cpu="1", memory="1Gi"))

    assert str(refusal.value) == (
        "limits.cpu: must not be below the request, 1500m, got '1'; "
        "limits.memory: must not be below the request, 2Gi, got '1Gi'"
    )


@pytest.mark.parametrize("cpu", ["0", "0m", "two"])
def test_requests_are_positive(cpu):
    with pytest.raises(SpecError, match="cpu: must be a positive quantity"):
        Requests(cpu=cpu, memory="1Gi")


def test_limits_are_positive():
    with pytest.raises(SpecError, match="memory: must be a positive quantity"):
        Limits(memory="0")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"version": 0}, "version: must be at least 1, got 0"),
        ({"version_labels": {"a-b": 1}}, "version_labels.a-b: must be letters, digits and under"),
        ({"version_labels": {"stable": 0}}, "version_labels.stable: must be at least 1, got 0"),
        ({"model": "Resnet"}, "model: must be 1 to 63 lower-case letters"),
        (
            {"also": {"Other": ServedVersions(version=1)}},
            "also.Other: must be 1 to 63 lower-case letters",
        ),
        (
            {"model": "resnet", "also": {"resnet": ServedVersions(version=1)}},
            "also.resnet: must have another name than the model that the server has already",
        ),
        ({"target_cpu_percent": 101}, "target_cpu_percent: must be between 1 and 100, got 101"),
        ({"target_memory_percent": 0}, "target_memory_percent: must be between 1 and 100, got 0"),
        ({"headroom": -1}, "headroom: must be at least 0, got -1"),
        ({"model_size": "0"}, "model_size: must be a positive quantity, such as 500Mi or 2Gi"),
        ({"startup_seconds": 0}, "startup_seconds: must be at least 1, got 0"),
        ({"longest_request_seconds": 0}, "longest_request_seconds: must be at least 1, got 0"),
        (
            {"grpc_connection_age_seconds": 0},
            "grpc_connection_age_seconds: must be at least 1, got 0",
        ),
    ],
)
def test_what_cannot_be_is_refused(values, message):
    with pytest.raises(SpecError, match=f"^{message}"):
        a_spec(**values)


@pytest.mark.parametrize("share", [0, -1, "0%", "101%", "half", "1", "", "1\uff12%"])
def test_a_budget_that_would_block_every_drain_is_refused(share):
    with pytest.raises(SpecError, match="max_unavailable: must be at least 1, or a share from 1%"):
        a_spec(max_unavailable=share)


@pytest.mark.parametrize("share", [1, 7, "1%", "25%", "100%", None])
def test_a_budget_that_lets_some_go_is_taken(share):
    assert a_spec(max_unavailable=share).max_unavailable == share


@pytest.mark.parametrize("threads", [{"intra_op": 0}, {"inter_op": 0}])
def test_there_is_a_thread_at_least(threads):
    with pytest.raises(SpecError, match="_op: must be at least 1, got 0"):
        ThreadsSpec(**threads)


def test_versions_are_those_of_the_labels_and_its_own_each_once():
    spec = a_spec(version=3, version_labels={"canary": 4, "stable": 3, "previous": 1})

    assert spec.versions == (1, 3, 4)


def test_a_server_has_its_model_and_those_beside_it():
    other = ServedVersions(version=7)

    assert a_spec(also={"other": other}).served("resnet") == {
        "resnet": a_spec(also={"other": other}),
        "other": other,
    }
    assert [*a_spec(model="resnet").served("resnet-next")] == ["resnet"]


def test_the_least_is_taken():
    a_spec(
        startup_seconds=1,
        longest_request_seconds=1,
        grpc_connection_age_seconds=1,
        threads=ThreadsSpec(intra_op=1, inter_op=1),
        version_labels={"a": 1},
        target_memory_percent=1,
        target_cpu_percent=100,
    )
