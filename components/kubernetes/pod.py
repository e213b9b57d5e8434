"""The pods of a server: one container, and before it those that fetch its models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pulumi
from pulumi_kubernetes.core.v1 import (
    AffinityArgsDict,
    ContainerArgsDict,
    HTTPGetActionArgsDict,
    NodeSelectorTermArgsDict,
    PodSpecArgsDict,
    PodTemplateSpecArgsDict,
    TopologySpreadConstraintArgsDict,
)

from components.kubernetes import server_files
from components.kubernetes.flags import Flag, render_flags
from components.kubernetes.model_fetch import (
    FETCHER_IMAGE,
    RESTRICTED,
    ModelRemote,
    fetch_container,
)
from components.kubernetes.registries import through
from components.kubernetes.serving_spec import TensorFlowServingSpec
from components.kubernetes.taints import tolerations

GRPC_PORT = 8500
REST_PORT = 8501
LIFECYCLE = "lifecycle"
"""The label by which Spot nodes and others are told apart."""

_USER = 10_001  # above those that hosts use for their own
_PROBE_SECONDS = 5
_ZONE = "topology.kubernetes.io/zone"
_HOST = "kubernetes.io/hostname"


@dataclass(frozen=True, kw_only=True)
class Lifecycle:
    """The value of that label on the nodes that pods are for: required, or preferred to others."""

    value: str
    required: bool


class Drain(Protocol):
    """How a pod leaves: what `planning.drain` works out."""

    @property
    def pre_stop_seconds(self) -> int:
        """For how long it still serves after it was told to end."""
        ...

    @property
    def grace_seconds(self) -> int:
        """After how long it is killed."""
        ...

    @property
    def max_unavailable(self) -> int | str:
        """How many may be leaving at once."""
        ...


@dataclass(frozen=True, kw_only=True)
class Pod:
    """What a server's pods are made of, beside the spec of their model."""

    name: str
    spec: TensorFlowServingSpec
    labels: Mapping[str, str]
    remote: ModelRemote
    drain: Drain
    files: pulumi.Input[str]
    """The ConfigMap that has the server's files."""
    account: pulumi.Input[str]
    annotations: Mapping[str, str]
    priority_class: pulumi.Input[str] | None = None
    lifecycle: Lifecycle | None = None
    registries: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def template(self) -> PodTemplateSpecArgsDict:
        """The same as a Deployment has it."""
        return {
            "metadata": {
                "labels": self.labels,
                "annotations": {
                    # The volumes hold copies only: without this the cluster autoscaler never
                    # removes the node.
                    "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes": "models,tmp",
                    **self.annotations,
                },
            },
            "spec": self._spec,
        }

    @property
    def _spec(self) -> PodSpecArgsDict:
        pod: PodSpecArgsDict = {
            "node_selector": self.spec.node_selector,
            "tolerations": tolerations([*self.spec.tolerations, *self.spec.implied_tolerations]),
            "topology_spread_constraints": [_spread(key, self.labels) for key in (_ZONE, _HOST)],
            "service_account_name": self.account,
            "automount_service_account_token": False,
            "enable_service_links": False,
            "security_context": {
                "run_as_non_root": True,
                "run_as_user": _USER,
                "run_as_group": _USER,
                "fs_group": _USER,
                "seccomp_profile": {"type": "RuntimeDefault"},
            },
            "termination_grace_period_seconds": self.drain.grace_seconds,
            "init_containers": self._fetchers,
            "containers": [self._server],
            "volumes": [
                {"name": "models", "empty_dir": {}},
                {"name": "tmp", "empty_dir": {}},
                {"name": "config", "config_map": {"name": self.files}},
            ],
        }
        if self.lifecycle is not None:
            pod["affinity"] = affinity(self.lifecycle)
        if self.priority_class is not None:
            pod["priority_class_name"] = self.priority_class
        return pod

    @property
    def _fetchers(self) -> Sequence[ContainerArgsDict]:
        wanted = [
            (f"{served.folder(model)}/{version}", f"{server_files.model_folder(model)}/{version}")
            for model, served in self.spec.served(self.name).items()
            for version in served.versions
        ]
        return [
            fetch_container(
                self.remote,
                key,
                name="fetch-model" if len(wanted) == 1 else f"fetch-model-{number}",
                target=target,
                volume="models",
                mount=server_files.MODELS,
                image=through(self.registries, FETCHER_IMAGE),
            )
            for number, (key, target) in enumerate(wanted, start=1)
        ]

    @property
    def _server(self) -> ContainerArgsDict:
        spec = self.spec
        available: HTTPGetActionArgsDict = {
            "path": availability_path(self.name, spec),
            "port": "rest",
        }
        return {
            "name": "serving",
            "image": through(self.registries, spec.image),
            # The image's entry point is a shell script with flags of its own.
            "command": ["/usr/bin/tensorflow_model_server"],
            "args": render_flags(server_flags(spec)),
            "ports": [
                {"name": "grpc", "container_port": GRPC_PORT},
                {"name": "rest", "container_port": REST_PORT},
            ],
            "resources": {
                "requests": _given(cpu=spec.requests.cpu, memory=spec.requests.memory),
                "limits": _given(cpu=spec.limits.cpu, memory=spec.limits.memory),
            },
            # Both ports are closed until the models are loaded, which may take long.
            "startup_probe": {
                "http_get": available,
                "period_seconds": _PROBE_SECONDS,
                "failure_threshold": -(-spec.startup_budget_seconds // _PROBE_SECONDS),
            },
            "readiness_probe": {
                "http_get": available,
                "period_seconds": _PROBE_SECONDS,
                "timeout_seconds": 2,
            },
            # A server that is busy is alive: only its process is asked for.
            "liveness_probe": {
                "tcp_socket": {"port": "grpc"},
                "period_seconds": 10,
                "failure_threshold": 6,
            },
            "lifecycle": {"pre_stop": {"sleep": {"seconds": self.drain.pre_stop_seconds}}},
            "security_context": RESTRICTED,
            "volume_mounts": [
                {"name": "models", "mount_path": server_files.MODELS, "read_only": True},
                {"name": "config", "mount_path": server_files.FOLDER, "read_only": True},
                {"name": "tmp", "mount_path": "/tmp"},
            ],
        }


def availability_path(name: str, spec: TensorFlowServingSpec) -> str:
    """Return the path that is answered well if, and only if, the model can be asked.

    The status path without `metadata` answers 200 while a model is loading, too.
    """
    return f"{model_path(name, spec)}/metadata"


def model_path(name: str, spec: TensorFlowServingSpec) -> str:
    """Return the path of the model, or of its version where the server has several."""
    path = f"/v1/models/{spec.model or name}"
    return path if len(spec.versions) == 1 else f"{path}/versions/{spec.version}"


def server_flags(spec: TensorFlowServingSpec) -> Mapping[Flag, bool | int | str]:
    """Return every flag that matters, the defaults of the server among them."""
    age, longest = spec.grpc_connection_age_seconds, spec.longest_request_seconds
    flags: dict[Flag, bool | int | str] = {
        "port": GRPC_PORT,
        "rest_api_port": REST_PORT,
        "rest_api_timeout_in_ms": longest * 1000,
        # By default the server counts the node's CPUs instead of the pod's.
        "rest_api_num_threads": 4 * spec.cores,
        "grpc_max_threads": 4 * spec.cores,
        "tensorflow_intra_op_parallelism": spec.intra_op_threads,
        "tensorflow_inter_op_parallelism": spec.threads.inter_op,
        # A channel stays with one pod: those that have come since would idle, and one that is to
        # go would keep its clients.
        "grpc_channel_arguments": f"grpc.max_connection_age_ms={age * 1000},"
        f"grpc.max_connection_age_grace_ms={longest * 1000}",
        "model_config_file": f"{server_files.FOLDER}/{server_files.MODELS_FILE}",
        "monitoring_config_file": f"{server_files.FOLDER}/{server_files.MONITORING_FILE}",
        # Without it a file with labels is refused at the start, as nothing is loaded yet.
        "allow_version_labels_for_unavailable_models": True,
        # The versions are there before the server starts, and never change.
        "file_system_poll_wait_seconds": 0,
        # A model that cannot be loaded ends the server at once, not after minutes of trying.
        "max_num_load_retries": 0,
        "load_retry_interval_micros": 0,
        "enable_batching": spec.batching is not None,
        "enable_model_warmup": True,
        "enable_profiler": False,
        "flush_filesystem_caches": True,
    }
    if spec.batching is not None:
        batching = f"{server_files.FOLDER}/{server_files.BATCHING_FILE}"
        flags["batching_parameters_file"] = batching
    return flags


def _spread(key: str, labels: Mapping[str, str]) -> TopologySpreadConstraintArgsDict:
    return {
        "topology_key": key,
        "max_skew": 1,
        # A zone without Spot capacity must not leave pods pending.
        "when_unsatisfiable": "ScheduleAnyway",
        "label_selector": {"match_labels": labels},
        "match_label_keys": ["pod-template-hash"],
    }


def affinity(lifecycle: Lifecycle) -> AffinityArgsDict:
    """Return what keeps pods on nodes of a lifecycle, or leads them there if there is room."""
    term: NodeSelectorTermArgsDict = {
        "match_expressions": [{"key": LIFECYCLE, "operator": "In", "values": [lifecycle.value]}]
    }
    if not lifecycle.required:
        return {
            "node_affinity": {
                "preferred_during_scheduling_ignored_during_execution": [
                    {"weight": 100, "preference": term}
                ]
            }
        }
    return {
        "node_affinity": {
            "required_during_scheduling_ignored_during_execution": {"node_selector_terms": [term]}
        }
    }


def _given(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}
