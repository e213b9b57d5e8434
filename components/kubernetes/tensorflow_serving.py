"""TensorFlow Serving: models behind a Service, scaled by a HorizontalPodAutoscaler."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from components.kubernetes import server_files
from components.kubernetes.autoscaling import utilization_metrics
from components.kubernetes.model_fetch import ModelRemote
from components.kubernetes.pod import GRPC_PORT, REST_PORT, Drain, Lifecycle, Pod, model_path
from components.kubernetes.serving_spec import TensorFlowServingSpec

# A new node and the image come before a pod can start; models are fetched at this rate at least.
_NODE_SECONDS = 600
_FETCHED_MIB_PER_SECOND = 20
SURGE_PERCENT = 25
"""How many pods more than its own, rounded up, a model has in a rollout."""
_WAVES = 4  # as many as it takes to replace all pods, so many at a time


@dataclass(frozen=True, kw_only=True)
class TensorFlowServingArgs:
    """The models to serve, where they are, how their pods leave, and whom they come before.

    Images of a registry that has a place in `registries` are pulled from there.

    The digests are of the manifests of models that this stack uploads: others under the same
    version make new pods.
    """

    spec: TensorFlowServingSpec
    remote: ModelRemote
    drain: Drain
    manifest_digests: Sequence[str] = ()
    priority_class: pulumi.Input[str] | None = None
    lifecycle: Lifecycle | None = None
    registries: Mapping[str, str] = field(default_factory=dict[str, str])


class TensorFlowServing(pulumi.ComponentResource):
    """Models over gRPC and REST inside the cluster; a pod that is ready can predict."""

    service_name: pulumi.Output[str]
    rest_url: pulumi.Output[str]
    grpc_address: pulumi.Output[str]

    def __init__(
        self, name: str, args: TensorFlowServingArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:TensorFlowServing", name, {}, opts)
        spec = args.spec
        labels = serving_labels(name)
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
        files = server_files.server_files(name, spec)
        digest = server_files.content_digest(files)
        config = k8s.core.v1.ConfigMap(
            f"{name}-config",
            # Another name for other content: pods that are still there keep theirs.
            metadata={**metadata, "name": f"{name}-{digest}"},
            immutable=True,
            data=files,
            opts=child,
        )
        pod = Pod(
            name=name,
            spec=spec,
            labels=labels,
            remote=args.remote,
            drain=args.drain,
            files=config.metadata.name,
            account=account.metadata.name,
            annotations=_digests(digest, args.manifest_digests),
            priority_class=args.priority_class,
            lifecycle=args.lifecycle,
            registries=args.registries,
        )
        deadline = _rollout_seconds(spec)
        k8s.apps.v1.Deployment(
            f"{name}-deployment",
            metadata=metadata,
            spec={
                "replicas": spec.replicas.initial,
                "selector": {"match_labels": labels},
                "strategy": {
                    "type": "RollingUpdate",
                    "rolling_update": {"max_unavailable": 0, "max_surge": f"{SURGE_PERCENT}%"},
                },
                "progress_deadline_seconds": deadline,
                "template": pod.template,
            },
            opts=pulumi.ResourceOptions(
                parent=self,
                # It applies once; from then on the HorizontalPodAutoscaler owns it.
                ignore_changes=["spec.replicas"],
                custom_timeouts=pulumi.CustomTimeouts(
                    create=f"{deadline}s", update=f"{_WAVES * deadline}s"
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
                    {"name": "grpc", "port": GRPC_PORT, "target_port": "grpc"},
                    {"name": "rest", "port": REST_PORT, "target_port": "rest"},
                ],
            },
            opts=child,
        )
        targets = {"cpu": spec.target_cpu_percent, "memory": spec.target_memory_percent}
        k8s.autoscaling.v2.HorizontalPodAutoscaler(
            f"{name}-autoscaler",
            metadata=metadata,
            spec={
                "scale_target_ref": {
                    "api_version": "apps/v1",
                    "kind": "Deployment",
                    # As text: a rollout may wait for room that only fewer replicas leave.
                    "name": name,
                },
                "min_replicas": spec.replicas.minimum,
                "max_replicas": spec.replicas.maximum,
                "metrics": utilization_metrics(targets),
                "behavior": spec.scaling.behavior,
            },
            opts=child,
        )
        k8s.policy.v1.PodDisruptionBudget(
            f"{name}-disruption",
            metadata=metadata,
            spec={
                "max_unavailable": args.drain.max_unavailable,
                "selector": {"match_labels": labels},
                # A pod that has not come up keeps no node from being drained.
                "unhealthy_pod_eviction_policy": "AlwaysAllow",
            },
            opts=child,
        )

        self.service_name = service.metadata.name
        host = pulumi.Output.format(
            "{0}.{1}.svc.cluster.local", service.metadata.name, service.metadata.namespace
        )
        path = model_path(name, spec)
        self.rest_url = pulumi.Output.format("http://{0}:{1}{2}", host, REST_PORT, path)
        self.grpc_address = pulumi.Output.format("{0}:{1}", host, GRPC_PORT)
        self.register_outputs(
            {
                "service_name": self.service_name,
                "rest_url": self.rest_url,
                "grpc_address": self.grpc_address,
            }
        )


def serving_labels(name: str) -> dict[str, str]:
    """Return the labels of whatever belongs to the server of this name, its pods included."""
    return {
        "app.kubernetes.io/name": "tensorflow-serving",
        "app.kubernetes.io/instance": name,
    }


def _digests(files: str, manifests: Sequence[str]) -> dict[str, str]:
    digests = {"tfserving/config-digest": files}
    if manifests:
        digests["tfserving/manifest-digest"] = ",".join(manifests)
    return digests


def _rollout_seconds(spec: TensorFlowServingSpec) -> int:
    """Return how long a pod may take from being asked for until it is ready."""
    fetched = ceil(spec.models_mib / _FETCHED_MIB_PER_SECOND)
    return _NODE_SECONDS + fetched + spec.startup_budget_seconds
