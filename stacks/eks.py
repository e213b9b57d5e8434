"""A platform on EKS: network, cluster, node pools, controllers, model bucket."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from components.aws.controllers.cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs
from components.aws.controllers.controller import ControllerPlace
from components.aws.controllers.load_balancer_controller import (
    LoadBalancerController,
    LoadBalancerControllerArgs,
)
from components.aws.controllers.node_termination_handler import (
    NodeTerminationHandler,
    NodeTerminationHandlerArgs,
)
from components.aws.eks_addons import EksAddons, EksAddonsArgs
from components.aws.eks_cluster import EksCluster, EksClusterArgs
from components.aws.model_bucket import ModelBucket, ModelBucketArgs
from components.aws.network import ExistingNetworkSpec, Network, NetworkArgs
from components.aws.node_pool import PoolPlace
from components.aws.on_demand_node_group import (
    OnDemandNodeGroup,
    OnDemandNodeGroupArgs,
    OnDemandPoolSpec,
)
from components.aws.pod_identity import PodIdentity, PodIdentityArgs
from components.aws.spot_node_group import SpotNodeGroup, SpotNodeGroupArgs, SpotPoolSpec
from components.kubernetes.model_fetch import ModelRemote
from components.names import LONGEST_NAME, shortened
from planning.capacity import node_capacity, spot_vcpus
from planning.instance_types import types_of
from settings import EksSettings
from stacks.platform import Platform

# The handler drains within the two minutes of a Spot notice; it may take as long to hear of it.
_DRAIN_SECONDS = 300


def deploy(settings: EksSettings) -> Platform:
    """Declare the platform's resources and return what serving needs of it."""
    name = settings.name
    tags = {**settings.tags, "project": pulumi.get_project(), "stack": pulumi.get_stack()}

    if isinstance(settings.network, ExistingNetworkSpec):
        network, made = settings.network, []
    else:
        network = Network(
            name, NetworkArgs(spec=settings.network, region=settings.region, tags=tags)
        )
        made = [network]
    cluster = EksCluster(
        name,
        EksClusterArgs(
            spec=settings,
            vpc_id=network.vpc_id,
            subnet_ids=network.private_subnet_ids,
            tags=tags,
        ),
    )
    pools = {
        pool: _node_group(
            shortened(f"{name}-{pool}", LONGEST_NAME),
            spec,
            PoolPlace(
                cluster=cluster.access,
                subnet_ids=network.private_subnet_ids,
                ami=settings.ami,
                tags={**tags, "pool": pool},
            ),
            _DRAIN_SECONDS if settings.drains else None,
            # A node without network plugin and agent would not become ready; and the network's
            # routes must outlive the nodes.
            pulumi.ResourceOptions(depends_on=[cluster, *made]),
        )
        for pool, spec in settings.pools.items()
    }
    addons = EksAddons(
        name,
        EksAddonsArgs(
            cluster_name=cluster.cluster_name, versions=settings.addon_versions, tags=tags
        ),
        # Spot nodes may be long in coming, and go.
        pulumi.ResourceOptions(depends_on=[*_lasting(pools)]),
    )
    kubernetes = k8s.Provider(
        "kubernetes",
        kubeconfig=cluster.kubeconfig,
        # Without it an unknown kubeconfig would replace everything that is in the cluster.
        cluster_identifier=name,
        enable_server_side_apply=True,
    )
    _deploy_controllers(
        settings,
        ControllerPlace(cluster_name=cluster.cluster_name, region=settings.region, tags=tags),
        network.vpc_id,
        _priorities(pools),
        # Their pods need nodes, names and the agent that gives them their roles.
        pulumi.ResourceOptions(provider=kubernetes, depends_on=[addons]),
    )
    bucket = ModelBucket("models", ModelBucketArgs(spec=settings.model_bucket, tags=tags))

    return Platform(
        description={
            "kind": settings.kind,
            "cluster_name": cluster.cluster_name,
            "region": settings.region,
            "pools": {pool: _description(spec) for pool, spec in settings.pools.items()},
            "spot_vcpus": spot_vcpus(
                (types_of(spec.instance_types), spec.most_spot_nodes)
                for spec in settings.pools.values()
                if isinstance(spec, SpotPoolSpec)
            ),
        },
        kubeconfig=cluster.kubeconfig,
        kubernetes=kubernetes,
        models=S3Models(
            bucket=bucket, cluster_name=cluster.cluster_name, region=settings.region, tags=tags
        ),
        capacity=[*pools.values(), addons],
    )


def _lasting(pools: Mapping[str, pulumi.ComponentResource]) -> Iterator[pulumi.ComponentResource]:
    on_demand = [pool for pool in pools.values() if isinstance(pool, OnDemandNodeGroup)]
    yield from on_demand or pools.values()


def _node_group(
    name: str,
    spec: OnDemandPoolSpec | SpotPoolSpec,
    place: PoolPlace,
    drain_seconds: int | None,
    opts: pulumi.ResourceOptions,
) -> pulumi.ComponentResource:
    match spec:
        case OnDemandPoolSpec():
            return OnDemandNodeGroup(name, OnDemandNodeGroupArgs(spec=spec, place=place), opts)
        case SpotPoolSpec():
            args = SpotNodeGroupArgs(spec=spec, place=place, drain_seconds=drain_seconds)
            return SpotNodeGroup(name, args, opts)


def _deploy_controllers(
    settings: EksSettings,
    place: ControllerPlace,
    vpc_id: pulumi.Input[str],
    priorities: Mapping[int, Sequence[pulumi.Output[str]]],
    opts: pulumi.ResourceOptions,
) -> None:
    name = settings.name
    if (autoscaler := settings.cluster_autoscaler).enabled:
        ClusterAutoscaler(
            name,
            ClusterAutoscalerArgs(
                spec=autoscaler,
                place=place,
                kubernetes_version=settings.kubernetes_version,
                priorities=priorities,
            ),
            opts,
        )
    if (handler := settings.node_termination_handler).enabled:
        NodeTerminationHandler(name, NodeTerminationHandlerArgs(spec=handler, place=place), opts)
    if (controller := settings.load_balancer_controller).enabled:
        LoadBalancerController(
            name, LoadBalancerControllerArgs(spec=controller, place=place, vpc_id=vpc_id), opts
        )


def _priorities(
    pools: Mapping[str, pulumi.ComponentResource],
) -> Mapping[int, Sequence[pulumi.Output[str]]]:
    merged: dict[int, list[pulumi.Output[str]]] = defaultdict(list)
    for pool in pools.values():
        if isinstance(pool, SpotNodeGroup):
            for priority, names in pool.priorities.items():
                merged[priority] += names
    return merged


def _description(spec: OnDemandPoolSpec | SpotPoolSpec) -> Mapping[str, object]:
    return {
        "kind": spec.kind,
        "instance_types": spec.instance_types,
        "minimum": spec.nodes.minimum,
        "maximum": spec.nodes.maximum,
        "labels": spec.labels,
        # What each node has for pods, agents included, whichever type it is of.
        "node_capacity": node_capacity(types_of(spec.instance_types)).quantities,
    }


@dataclass(frozen=True, kw_only=True)
class S3Models:
    """Models in a bucket that pods read through EKS Pod Identity."""

    bucket: ModelBucket
    cluster_name: pulumi.Output[str]
    region: str
    tags: Mapping[str, str]

    @property
    def uri(self) -> pulumi.Output[str]:
        """The bucket, with its scheme."""
        return self.bucket.uri

    @property
    def remote(self) -> ModelRemote:
        """The bucket, as a pod's fetcher is told of it."""
        # https://rclone.org/s3/
        options = {"type": "s3", "provider": "AWS", "env_auth": "true", "region": self.region}
        return ModelRemote(bucket=self.bucket.bucket_name, options=options)

    def upload(self, name: str, key: str, path: str, digest: str) -> pulumi.Resource:
        """Put a file of this project into the bucket; the digest says when to do so again."""
        return aws.s3.BucketObjectv2(
            name,
            bucket=self.bucket.bucket_name,
            key=key,
            source=pulumi.FileAsset(path),
            source_hash=digest,
            tags=self.tags,
            opts=pulumi.ResourceOptions(parent=self.bucket),
        )

    def allow(
        self, name: str, *, namespace: str, service_account: str, prefix: str
    ) -> pulumi.Resource:
        """Let the pods of a service account read what is below a prefix, and nothing else."""
        return PodIdentity(
            name,
            PodIdentityArgs(
                cluster_name=self.cluster_name,
                namespace=namespace,
                service_account=service_account,
                policy=self.bucket.read_policy(prefix),
                tags=self.tags,
            ),
        )
