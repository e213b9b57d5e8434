"""The files that tell the server what to serve: text protos, in a folder of their own."""

import hashlib
import json
from collections.abc import Mapping

from components.kubernetes.batching import render_batching
from components.kubernetes.serving_spec import ServedVersions, TensorFlowServingSpec

FOLDER = "/etc/tensorflow-serving"
MODELS_FILE = "models.config"
MONITORING_FILE = "monitoring.config"
BATCHING_FILE = "batching.config"
METRICS_PATH = "/monitoring/prometheus/metrics"

MODELS = "/models"
"""The folder in a pod that has a folder for each model."""


def model_folder(model: str) -> str:
    """Return the folder in a pod that has a model's versions, each in a folder of its number."""
    return f"{MODELS}/{model}"


def server_files(name: str, spec: TensorFlowServingSpec) -> Mapping[str, str]:
    """Return the content of every file by its name."""
    files = {
        MODELS_FILE: render_models(spec.served(name)),
        MONITORING_FILE: render_monitoring(),
    }
    if spec.batching is not None:
        files[BATCHING_FILE] = render_batching(spec.batching, spec.intra_op_threads)
    return files


def content_digest(files: Mapping[str, str]) -> str:
    """Return what changes whenever a file does: 10 hexadecimal digits."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:10]


def render_models(served: Mapping[str, ServedVersions]) -> str:
    """Return a text proto of ModelServerConfig: each model with exactly these versions."""
    configs = "".join(_model(name, versions) for name, versions in served.items())
    return f"model_config_list {{\n{configs}}}\n"


def _model(name: str, served: ServedVersions) -> str:
    versions = " ".join(f"versions: {version}" for version in served.versions)
    labels = "".join(
        f'    version_labels {{ key: "{label}" value: {version} }}\n'
        for label, version in served.version_labels.items()
    )
    return (
        "  config {\n"
        f'    name: "{name}"\n'
        f'    base_path: "{model_folder(name)}"\n'
        '    model_platform: "tensorflow"\n'
        f"    model_version_policy {{ specific {{ {versions} }} }}\n"
        f"{labels}"
        "  }\n"
    )


def render_monitoring() -> str:
    """Return a text proto of MonitoringConfig: metrics for Prometheus, on the REST port."""
    return f'prometheus_config {{ enable: true path: "{METRICS_PATH}" }}\n'
