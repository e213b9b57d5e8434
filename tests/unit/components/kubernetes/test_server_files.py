"""The server's files, read back by its own definitions."""

import pytest

from components.kubernetes.batching import BatchingSpec
from components.kubernetes.resources import Limits, Requests
from components.kubernetes.server_files import (
    content_digest,
    render_models,
    render_monitoring,
    server_files,
)
from components.kubernetes.serving_spec import ServedVersions
from tests.unit.components.kubernetes.specs import a_spec
from tests.unit.components.kubernetes.text_protos import parse


def test_exactly_one_version_is_served():
    assert parse("ModelServerConfig", render_models({"resnet": ServedVersions(version=3)})) == {
        "model_config_list": {
            "config": [
                {
                    "name": "resnet",
                    "base_path": "/models/resnet",
                    "model_platform": "tensorflow",
                    "model_version_policy": {"specific": {"versions": ["3"]}},
                }
            ]
        }
    }


def test_versions_with_labels_are_served_beside_it():
    labels = {"stable": 3, "canary": 4, "previous": 2}
    text = render_models({"resnet": ServedVersions(version=3, version_labels=labels)})

    (config,) = parse("ModelServerConfig", text)["model_config_list"]["config"]
    assert config["model_version_policy"] == {"specific": {"versions": ["2", "3", "4"]}}
    assert config["version_labels"] == {"stable": "3", "canary": "4", "previous": "2"}


def test_several_models_are_served_under_their_names():
    text = render_models({"a": ServedVersions(version=1), "b": ServedVersions(version=2)})

    configs = parse("ModelServerConfig", text)["model_config_list"]["config"]
    assert [(each["name"], each["base_path"]) for each in configs] == [
        ("a", "/models/a"),
        ("b", "/models/b"),
    ]


def test_metrics_are_for_prometheus():
    assert parse("MonitoringConfig", render_monitoring()) == {
        "prometheus_config": {"enable": True, "path": "/monitoring/prometheus/metrics"}
    }


def test_there_is_a_batching_file_only_with_batching():
    batching = BatchingSpec(max_batch_size=8)
    cpu = {"requests": Requests(cpu="3", memory="1Gi"), "limits": Limits(memory="1Gi")}

    assert set(server_files("resnet", a_spec())) == {"models.config", "monitoring.config"}
    files = server_files("resnet", a_spec(batching=batching, **cpu))
    assert parse("BatchingParameters", files["batching.config"])["num_batch_threads"] == "3"


def test_a_model_may_have_another_name_than_its_key():
    files = server_files("resnet-next", a_spec(model="resnet"))

    (config,) = parse("ModelServerConfig", files["models.config"])["model_config_list"]["config"]
    assert config["name"] == "resnet"


@pytest.mark.parametrize(
    "other", [{"version": 4}, {"batching": BatchingSpec(max_batch_size=8)}, {"model": "other"}]
)
def test_other_content_has_another_digest(other):
    same = content_digest(server_files("resnet", a_spec()))

    assert content_digest(server_files("resnet", a_spec())) == same
    assert content_digest(server_files("resnet", a_spec(**other))) != same
    assert len(same) == 10


def test_the_same_files_in_another_order_have_the_same_digest():
    files = {"a": "1", "b": "2"}

    assert content_digest(files) == content_digest(dict(reversed(files.items())))
