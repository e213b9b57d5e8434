"""TensorFlow Serving: one model behind a Service, scaled by a HorizontalPodAutoscaler."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.core.v1 import (
    ContainerArgsDict,
    HTTPGetActionArgsDict,
    PodSpecArgsDict,
    TopologySpreadConstraintArgsDict,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from components.kubernetes.flags import render_flags
from components.kubernetes.model_fetch import RESTRICTED, ModelRemote, fetch_container, model_key
from components.kubernetes.quantities import parse_quantity
from components.kubernetes.serving_spec import TensorFlowServingSpec
from components.kubernetes.taints import tolerations

_GRPC_PORT = 8500
_REST_PORT = 8501
_USER = 10_001  # above those that hosts use for their own
_MODELS = "/models"
# The server ignores SIGTERM: what is in flight when the sleep ends is lost, and the grace period
# beyond the sleep is waiting for nothing. Both fit the 120 s notice of an EC2 Spot instance.
_DRAIN_SECONDS = 30
_GRACE_SECONDS = _DRAIN_SECONDS + 5
_STARTUP_SECONDS = 300
_PROBE_SECONDS = 5
# A new node, the image and the model come before the first pod is ready.
_ROLLOUT_SECONDS = 1200
_INTER_OP_THREADS = 2
_ZONE = "topology.kubernetes.io/zone"
_HOST = "kubernetes.io/hostname"


@dataclass(frozen=True, kw_only=True)
class TensorFlowServingArgs:
    """The model to serve, where it is, and what tells two copies of one version apart."""

    spec: TensorFlowServingSpec
    remote: ModelRemote
    manifest_digest: str | None = None


class TensorFlowServing(pulumi.ComponentResource):
    """One model version over gRPC and REST inside the cluster; a pod that is ready can predict."""

    rest_url: pulumi.Output[str]
    grpc_address: pulumi.Output[str]

    def __init__(
        self, name: str, args: TensorFlowServingArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:TensorFlowServing", name, {}, opts)
        spec = args.spec
        labels = {
            "app.kubernetes.io/name": "tensorflow-serving",
            "app.kubernetes.io/instance": name,
        }
        metadata: ObjectMetaArgsDict = {
            "name": name,
            "namespace": spec.namespace,
            "labels": labels,
        }
        child = pulumi.ResourceOptions(parent=self)

        account = k8s.core.v1.ServiceAccount(
            f"{name}-account",
            metadata=metadata,
            automount_service_account_token=False,
            opts=child,
        )
        deployment = k8s.apps.v1.Deployment(
            f"{name}-deployment",
            metadata=metadata,
            spec={
                "replicas": spec.replicas.initial,
                "selector": {"match_labels": labels},
                "strategy": {
                    "type": "RollingUpdate",
                    "rolling_update": {"max_unavailable": 0, "max_surge": "25%"},
                },
                "progress_deadline_seconds": _ROLLOUT_SECONDS,
                "template": {
                    "metadata": {"labels": labels, "annotations": _pod_annotations(args)},
                    "spec": _pod(name, args, account, labels),
                },
            },
            opts=pulumi.ResourceOptions(
                parent=self,
                # It applies once; from then on the HorizontalPodAutoscaler owns it.
                ignore_changes=["spec.replicas"],
                custom_timeouts=pulumi.CustomTimeouts(
                    create=f"{_ROLLOUT_SECONDS}s", update=f"{_ROLLOUT_SECONDS}s"
                ),
            ),
        )
        service = k8s.core.v1.Service(
            f"{name}-service",
            metadata={
                **metadata,
                # Its endpoints are the Deployment's pods, which are waited for already.
                "annotations": {"pulumi.com/skipAwait": "true"},
            },
            spec={
                "type": "ClusterIP",
                "selector": labels,
                "ports": [
                    {"name": "grpc", "port": _GRPC_PORT, "target_port": "grpc"},
                    {"name": "rest", "port": _REST_PORT, "target_port": "rest"},
                ],
            },
            opts=child,
        )
        k8s.autoscaling.v2.HorizontalPodAutoscaler(
            f"{name}-autoscaler",
            metadata=metadata,
            spec={
                "scale_target_ref": {
                    "api_version": "apps/v1",
                    "kind": "Deployment",
                    "name": deployment.metadata.name,
                },
                "min_replicas": spec.replicas.minimum,
                "max_replicas": spec.replicas.maximum,
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {
                            "name": "cpu",
                            "target": {
                                "type": "Utilization",
                                "average_utilization": spec.target_cpu_percent,
                            },
                        },
                    }
                ],
            },
            opts=child,
        )
        k8s.policy.v1.PodDisruptionBudget(
            f"{name}-disruption",
            metadata=metadata,
            # A share, so that a drain within a Spot notice is never blocked altogether.
            spec={"max_unavailable": "25%", "selector": {"match_labels": labels}},
            opts=child,
        )

        host = pulumi.Output.format(
            "{0}.{1}.svc.cluster.local", service.metadata.name, service.metadata.namespace
        )
        self.rest_url = pulumi.Output.format("http://{0}:{1}/v1/models/{2}", host, _REST_PORT, name)
        self.grpc_address = pulumi.Output.format("{0}:{1}", host, _GRPC_PORT)
        self.register_outputs({"rest_url": self.rest_url, "grpc_address": self.grpc_address})


def _pod_annotations(args: TensorFlowServingArgs) -> dict[str, str]:
    annotations = {
        # The volumes hold copies only: without this the cluster autoscaler never removes the node.
        "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes": "models,tmp",
    }
    if args.manifest_digest is not None:
        annotations["tfserving/manifest-digest"] = args.manifest_digest
    return annotations


def _pod(
    name: str,
    args: TensorFlowServingArgs,
    account: k8s.core.v1.ServiceAccount,
    labels: Mapping[str, str],
) -> PodSpecArgsDict:
    spec = args.spec
    return {
        "service_account_name": account.metadata.name,
        "automount_service_account_token": False,
        "enable_service_links": False,
        "security_context": {
            "run_as_non_root": True,
            "run_as_user": _USER,
            "run_as_group": _USER,
            "fs_group": _USER,
            "seccomp_profile": {"type": "RuntimeDefault"},
        },
        "node_selector": spec.node_selector,
        "tolerations": tolerations(spec.tolerations),
        "topology_spread_constraints": [_spread(key, labels) for key in (_ZONE, _HOST)],
        "termination_grace_period_seconds": _GRACE_SECONDS,
        "init_containers": [
            fetch_container(
                args.remote,
                model_key(name, spec.version),
                target=f"{_MODELS}/{name}/{spec.version}",
                volume="models",
                mount=_MODELS,
            )
        ],
        "containers": [_server(name, spec)],
        "volumes": [{"name": "models", "empty_dir": {}}, {"name": "tmp", "empty_dir": {}}],
    }


def _spread(key: str, labels: Mapping[str, str]) -> TopologySpreadConstraintArgsDict:
    return {
        "topology_key": key,
        "max_skew": 1,
        # A zone without Spot capacity must not leave pods pending.
        "when_unsatisfiable": "ScheduleAnyway",
        "label_selector": {"match_labels": labels},
        "match_label_keys": ["pod-template-hash"],
    }


def _server(name: str, spec: TensorFlowServingSpec) -> ContainerArgsDict:
    cores = ceil(parse_quantity(spec.requests.cpu))
    # The status path answers 200 while a model is loading, this one only when it can predict.
    available: HTTPGetActionArgsDict = {"path": f"/v1/models/{name}/metadata", "port": "rest"}
    return {
        "name": "serving",
        "image": spec.image,
        # The image's entry point is a shell script with flags of its own.
        "command": ["/usr/bin/tensorflow_model_server"],
        "args": render_flags(
            {
                "port": _GRPC_PORT,
                "rest_api_port": _REST_PORT,
                "rest_api_timeout_in_ms": 30_000,
                # By default the server counts the node's CPUs instead of the pod's.
                "rest_api_num_threads": 4 * cores,
                "grpc_max_threads": 4 * cores,
                "tensorflow_intra_op_parallelism": cores,
                "tensorflow_inter_op_parallelism": _INTER_OP_THREADS,
                "model_name": name,
                "model_base_path": f"{_MODELS}/{name}",
                # The version is there before the server starts, and never changes.
                "file_system_poll_wait_seconds": 0,
                "max_num_load_retries": 0,
                "load_retry_interval_micros": 0,
                "enable_batching": False,
                "enable_model_warmup": True,
                "enable_profiler": False,
                "flush_filesystem_caches": True,
            }
        ),
        "ports": [
            {"name": "grpc", "container_port": _GRPC_PORT},
            {"name": "rest", "container_port": _REST_PORT},
        ],
        "resources": {
            "requests": _set(cpu=spec.requests.cpu, memory=spec.requests.memory),
            "limits": _set(cpu=spec.limits.cpu, memory=spec.limits.memory),
        },
        "startup_probe": {
            "http_get": available,
            "period_seconds": _PROBE_SECONDS,
            "failure_threshold": _STARTUP_SECONDS // _PROBE_SECONDS,
        },
        "readiness_probe": {
            "http_get": available,
            "period_seconds": _PROBE_SECONDS,
            "timeout_seconds": 2,
        },
        "liveness_probe": {
            "tcp_socket": {"port": "grpc"},
            "period_seconds": 10,
            "failure_threshold": 6,
        },
        "lifecycle": {"pre_stop": {"sleep": {"seconds": _DRAIN_SECONDS}}},
        "security_context": RESTRICTED,
        "volume_mounts": [
            {"name": "models", "mount_path": _MODELS, "read_only": True},
            {"name": "tmp", "mount_path": "/tmp"},
        ],
    }


def _set(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}
