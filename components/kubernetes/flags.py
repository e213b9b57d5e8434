"""Command-line flags of TensorFlow Serving, from a closed list."""

from collections.abc import Mapping
from typing import Literal

# A flag that the server does not know is printed and ignored, so a misspelt one must not get out.
# https://github.com/tensorflow/serving/blob/2.20.0/tensorflow_serving/model_servers/main.cc
Flag = Literal[
    "allow_version_labels_for_unavailable_models",
    "batching_parameters_file",
    "enable_batching",
    "enable_model_warmup",
    "enable_profiler",
    "file_system_poll_wait_seconds",
    "flush_filesystem_caches",
    "grpc_channel_arguments",
    "grpc_max_threads",
    "load_retry_interval_micros",
    "max_num_load_retries",
    "model_config_file",
    "monitoring_config_file",
    "port",
    "rest_api_num_threads",
    "rest_api_port",
    "rest_api_timeout_in_ms",
    "tensorflow_inter_op_parallelism",
    "tensorflow_intra_op_parallelism",
]


def render_flags(flags: Mapping[Flag, bool | int | str]) -> list[str]:
    """Return flags as arguments, sorted by name."""
    return [f"--{name}={_text(value)}" for name, value in sorted(flags.items())]


def _text(value: bool | int | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
