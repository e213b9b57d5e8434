"""The section of models: their sources, and several in one server."""

import hashlib
import shutil

import pytest

import settings
from components.kubernetes.model_fetch import MANIFEST
from settings import model_sources
from tests.unit.stack_files import MODELS, ROOT, config_of, configure, faults_of, put

MODEL = f"{MODELS}.half-plus-two"


@pytest.fixture
def two_versions(tmp_path, monkeypatch):
    """A project in which the shipped model has a version 2 as well."""
    source = ROOT / "models" / "half-plus-two" / "1"
    for version in ("1", "2"):
        shutil.copytree(source, tmp_path / "models" / "half-plus-two" / version)
    monkeypatch.setattr(model_sources, "PROJECT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "source", ["s3://bucket/resnet", "gs://bucket/resnet", "S3://b", " s3://b", "s3a://b", "gs:/b"]
)
def test_a_remote_path_is_no_source(cloud, source):
    config = config_of()
    put(config, f"{MODEL}.source", source)

    (fault,) = faults_of(config)
    assert fault.startswith(
        f"{MODEL}.source: must be a folder of this project, and none for a model that is published "
        "otherwise: pods copy it from the stack's bucket, as TensorFlow Serving reads no remote "
        f'paths; got "{source}"'
    )


@pytest.mark.parametrize("key", ["base_path", "model_base_path", "path"])
@pytest.mark.parametrize("path", ["s3://bucket/resnet", "GS://bucket/resnet"])
def test_a_remote_path_to_serve_from_is_refused_with_the_reason(cloud, key, path):
    config = config_of()
    put(config, f"{MODEL}.{key}", path)

    (fault,) = faults_of(config)
    assert fault.startswith(f"{MODEL}.{key}: ")
    assert "TensorFlow Serving reads no remote paths" in fault
    assert "from the stack's bucket" in fault or "in the stack's bucket" in fault
    assert fault.endswith(f'; got "{path}"')


def test_every_version_with_a_label_is_uploaded(cloud, two_versions):
    config = config_of()
    put(config, f"{MODEL}.version_labels", {"canary": 2})
    configure(config)

    files = settings.load().models["half-plus-two"].all_files("half-plus-two")
    assert [*files] == ["models/half-plus-two/1", "models/half-plus-two/2"]
    assert all(MANIFEST in each.digests for each in files.values())


def test_a_version_with_a_label_must_be_there_too(cloud):
    config = config_of()
    put(config, f"{MODEL}.version_labels", {"canary": 2})

    assert faults_of(config) == [
        f'{MODEL}.source: must hold a model version with {MANIFEST}; got "models/half-plus-two/2"'
    ]


def test_models_beside_it_are_uploaded_under_their_own_names(cloud):
    config = config_of()
    source = config[MODELS]["half-plus-two"]["source"]
    put(config, f"{MODEL}.also", {"other": {"version": 1, "source": source}})
    configure(config)

    files = settings.load().models["half-plus-two"].all_files("half-plus-two")
    assert [*files] == ["models/half-plus-two/1", "models/other/1"]


def test_a_model_under_another_key_is_uploaded_under_its_name(cloud):
    config = config_of()
    config[MODELS]["next"] = {**config[MODELS]["half-plus-two"], "model": "half-plus-two"}
    config[MODELS]["next"]["allow_unplaceable_replicas"] = True
    config[MODELS]["half-plus-two"]["allow_unplaceable_replicas"] = True
    configure(config)

    assert [*settings.load().models["next"].all_files("next")] == ["models/half-plus-two/1"]


def test_two_models_of_one_name_in_a_server_are_refused(cloud):
    config = config_of()
    put(config, f"{MODEL}.also", {"half-plus-two": {"version": 1}})

    assert faults_of(config) == [
        f"{MODEL}.also.half-plus-two: must have another name than the model that the server has "
        'already; got "half-plus-two"'
    ]


def budget_of(config):
    configure(config)
    return settings.load().models["half-plus-two"].startup_budget_seconds


def test_a_model_has_as_long_to_start_as_its_files_are_large(cloud, two_versions):
    config = config_of()
    put(config, f"{MODEL}.version_labels", {"canary": 2})
    weights = two_versions / "models" / "half-plus-two" / "2" / "variables" / "variables.index"
    before = budget_of(config)
    with weights.open("ab") as file:
        file.truncate(95 * 1024**2)
    manifest = two_versions / "models" / "half-plus-two" / "2" / MANIFEST
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    lines = [
        f"{digest}  variables/variables.index" if line.endswith("variables.index") else line
        for line in manifest.read_text().splitlines()
    ]
    manifest.write_text("\n".join(lines) + "\n")

    assert before == 60 + 1
    assert budget_of(config) == 60 + 10


@pytest.mark.parametrize(
    "model", [{"source": None}, {"also": {"other": {"version": 1}}}, {"model_size": "1Gi"}]
)
def test_what_nobody_knows_the_size_of_has_as_long_as_a_gibibyte(cloud, model):
    config = config_of()
    for key, value in model.items():
        put(config, f"{MODEL}.{key}", value)

    assert budget_of(config) == 60 + 103
