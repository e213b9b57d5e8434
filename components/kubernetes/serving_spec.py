"""What it takes to serve a model: the part of a stack file that is about one model."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil, floor

from components.bounds import Bounds
from components.kubernetes.autoscaling import ScalingSpec
from components.kubernetes.batching import BatchingSpec
from components.kubernetes.exposure import ExposureSpec
from components.kubernetes.quantities import parse_quantity
from components.kubernetes.resources import Limits, Quantity, Requests, below_request, is_positive
from components.kubernetes.taints import COMPUTE_CLASS, Taint
from components.names import DNS_LABEL_RULE, MODEL_NAME_RULE, is_dns_label, is_model_name
from components.spec import Fault, Spec, rule

_DIGEST = re.compile(r"[^@]+@sha256:[0-9a-f]{64}")
_VERSION_TAG = re.compile(r"([^:/]+(:\d+)?/)?[^:@]+:(?!latest)[\w][\w.-]{0,127}", re.ASCII)
# What the documentation of the server has; its URLs take more.
# https://github.com/tensorflow/serving/blob/2.20.0/tensorflow_serving/g3doc/serving_config.md
_VERSION_LABEL = re.compile(r"[A-Za-z0-9_]+")
_PATH = re.compile(r"(?!\.)[\w.-]+(/(?!\.)[\w.-]+)*")
_SHARE = re.compile(r"([1-9][0-9]?|100)%")

_MIB = 1024**2
_SOME_SIZE = "1Gi"
# Reading and preparing a graph is a matter of seconds for 100 MiB from a local disk; four times
# that, and as much again for the process itself, is for disks and neighbours of a bad day.
_BASE_STARTUP_SECONDS = 60
_LOADED_MIB_PER_SECOND = 10


@dataclass(frozen=True, kw_only=True)
class ServedVersions(Spec):
    """The versions of a model that one server has loaded: its version, and those with a label.

    A request that names neither version nor label goes to the highest. In the bucket each version
    is a folder of its number below the path.
    """

    version: int
    path: str | None = None
    version_labels: Mapping[str, int] = field(default_factory=dict[str, int])

    @rule
    def _version_is_positive(self) -> Iterator[Fault]:
        if self.version < 1:
            yield Fault(("version",), "must be at least 1", self.version)

    @rule
    def _path_is_within_the_bucket(self) -> Iterator[Fault]:
        if self.path is not None and not _PATH.fullmatch(self.path):
            limit = (
                "must be a folder in the stack's bucket, such as resnet_101, in letters, digits "
            )
            limit += "and _.-: pods copy it from there, as TensorFlow Serving reads no remote paths"
            yield Fault(("path",), limit, self.path)

    @rule
    def _labels_are_taken(self) -> Iterator[Fault]:
        for label, version in self.version_labels.items():
            if not _VERSION_LABEL.fullmatch(label):
                limit = "must be letters, digits and underscores"
                yield Fault(("version_labels", label), limit, label)
            if version < 1:
                yield Fault(("version_labels", label), "must be at least 1", version)

    @property
    def versions(self) -> tuple[int, ...]:
        """Every version, once, the lowest first."""
        return tuple(sorted({self.version, *self.version_labels.values()}))

    def folder(self, model: str) -> str:
        """Return the key in the bucket below which the versions are; `model` is their name."""
        return self.path or f"models/{model}"


@dataclass(frozen=True, kw_only=True)
class ThreadsSpec(Spec):
    """The threads that compute one operation, and how many operations run beside each other.

    Unless it is given, the former is the whole part of the CPU request: the server itself would
    count the CPUs of its node, which it shares. More of either than a node has vCPUs take turns,
    which is refused unless it is meant.
    """

    intra_op: int | None = None
    inter_op: int = 2
    allow_oversubscription: bool = False

    @rule
    def _there_are_threads(self) -> Iterator[Fault]:
        for name in ("intra_op", "inter_op"):
            threads: int | None = getattr(self, name)
            if threads is not None and threads < 1:
                yield Fault((name,), "must be at least 1", threads)


@dataclass(frozen=True, kw_only=True)
class TensorFlowServingSpec(ServedVersions):
    """A model version, the image that serves it, and what its pods may use."""

    model: str | None = None
    also: Mapping[str, ServedVersions] = field(default_factory=dict[str, ServedVersions])
    image: str
    namespace: str = "serving"

    replicas: Bounds
    target_cpu_percent: int = 70
    target_memory_percent: int | None = None
    scaling: ScalingSpec = field(default_factory=ScalingSpec)
    headroom: int = 0

    requests: Requests
    limits: Limits
    threads: ThreadsSpec = field(default_factory=ThreadsSpec)
    batching: BatchingSpec | None = None

    model_size: Quantity | None = None
    startup_seconds: int | None = None
    longest_request_seconds: int = 10
    grpc_connection_age_seconds: int = 30
    max_unavailable: int | str | None = None

    node_selector: Mapping[str, str] = field(default_factory=dict[str, str])
    tolerations: tuple[Taint, ...] = ()
    pull_ahead: bool = False
    expose: ExposureSpec | None = None

    @rule
    def _model_has_a_name_for_urls(self) -> Iterator[Fault]:
        if self.model is not None and not is_model_name(self.model):
            yield Fault(("model",), MODEL_NAME_RULE, self.model)

    @rule
    def _models_beside_it_have_names_of_their_own(self) -> Iterator[Fault]:
        for name in self.also:
            if not is_model_name(name):
                yield Fault(("also", name), MODEL_NAME_RULE, name)
            if name == self.model:
                limit = "must have another name than the model that the server has already"
                yield Fault(("also", name), limit, name)

    @rule
    def _image_is_pinned(self) -> Iterator[Fault]:
        if not _DIGEST.fullmatch(self.image) and not _VERSION_TAG.fullmatch(self.image):
            pinned = "must name a version other than latest, or a sha256 digest"
            yield Fault(("image",), pinned, self.image)

    @rule
    def _something_is_always_served(self) -> Iterator[Fault]:
        # A HorizontalPodAutoscaler cannot come back from zero.
        if self.replicas.minimum == 0:
            yield Fault(("replicas", "minimum"), "must be at least 1", self.replicas.minimum)

    @rule
    def _cpu_target_is_a_percentage(self) -> Iterator[Fault]:
        yield from _no_percentage("target_cpu_percent", self.target_cpu_percent)

    @rule
    def _memory_target_is_a_percentage(self) -> Iterator[Fault]:
        yield from _no_percentage("target_memory_percent", self.target_memory_percent)

    @rule
    def _headroom_is_a_number_of_pods(self) -> Iterator[Fault]:
        if self.headroom < 0:
            yield Fault(("headroom",), "must be at least 0", self.headroom)

    @rule
    def _cpu_limit_is_above_the_request(self) -> Iterator[Fault]:
        yield from below_request("cpu", self.limits.cpu, self.requests.cpu)

    @rule
    def _memory_limit_is_above_the_request(self) -> Iterator[Fault]:
        yield from below_request("memory", self.limits.memory, self.requests.memory)

    @rule
    def _model_size_is_positive(self) -> Iterator[Fault]:
        if self.model_size is not None and not is_positive(self.model_size):
            limit = "must be a positive quantity, such as 500Mi or 2Gi"
            yield Fault(("model_size",), limit, self.model_size)

    @rule
    def _there_is_time_to_start(self) -> Iterator[Fault]:
        if self.startup_seconds is not None and self.startup_seconds < 1:
            yield Fault(("startup_seconds",), "must be at least 1", self.startup_seconds)

    @rule
    def _requests_end(self) -> Iterator[Fault]:
        if self.longest_request_seconds < 1:
            limit = "must be at least 1"
            yield Fault(("longest_request_seconds",), limit, self.longest_request_seconds)

    @rule
    def _connections_end(self) -> Iterator[Fault]:
        if self.grpc_connection_age_seconds < 1:
            limit = "must be at least 1"
            yield Fault(("grpc_connection_age_seconds",), limit, self.grpc_connection_age_seconds)

    @rule
    def _a_drain_is_never_blocked(self) -> Iterator[Fault]:
        some = self.max_unavailable
        allowed = _SHARE.fullmatch(some) if isinstance(some, str) else some is None or some > 0
        if not allowed:
            limit = "must be at least 1, or a share from 1% to 100%: with none no node is drained"
            yield Fault(("max_unavailable",), limit, some)

    @rule
    def _namespace_is_a_dns_label(self) -> Iterator[Fault]:
        if not is_dns_label(self.namespace):
            yield Fault(("namespace",), DNS_LABEL_RULE, self.namespace)

    @rule
    def _namespace_is_made_for_models(self) -> Iterator[Fault]:
        if self.namespace == "default" or self.namespace.startswith("kube-"):
            limit = "must be one that this stack makes, not one that every cluster has"
            yield Fault(("namespace",), limit, self.namespace)

    def served(self, name: str) -> Mapping[str, ServedVersions]:
        """Return what the server has loaded, by the names in its URLs; `name` is the file's key."""
        return {self.model or name: self, **self.also}

    @property
    def implied_tolerations(self) -> tuple[Taint, ...]:
        """What puts up with the taint of a ComputeClass that the pods select.

        GKE adds it to such pods itself, and would be found to have changed them.
        """
        # https://docs.cloud.google.com/kubernetes-engine/docs/concepts/about-custom-compute-classes
        chosen = self.node_selector.get(COMPUTE_CLASS)
        return () if chosen is None else (Taint(key=COMPUTE_CLASS, value=chosen),)

    @property
    def cores(self) -> int:
        """The CPUs that a pod is sure to have a part of."""
        return ceil(parse_quantity(self.requests.cpu))

    @property
    def intra_op_threads(self) -> int:
        """The threads that compute one operation."""
        return self.threads.intra_op or max(1, floor(parse_quantity(self.requests.cpu)))

    @property
    def startup_budget_seconds(self) -> int:
        """How long a server may take, from its start, until it has loaded and warmed its models."""
        if self.startup_seconds is not None:
            return self.startup_seconds
        return _BASE_STARTUP_SECONDS + ceil(self.models_mib / _LOADED_MIB_PER_SECOND)

    @property
    def models_mib(self) -> int:
        """How large all models of the server are: as given, or a guess."""
        return ceil(parse_quantity(self.model_size or _SOME_SIZE) / _MIB)


def _no_percentage(name: str, given: int | None) -> Iterator[Fault]:
    if given is not None and given not in range(1, 101):
        yield Fault((name,), "must be between 1 and 100", given)
