"""A platform on EKS: network, cluster, node pools, controllers, model bucket."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import pulumi
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
from components.aws.network import AnyNetworkSpec, ExistingNetworkSpec, Network, NetworkArgs
from components.aws.node_pool import PoolPlace
from components.aws.on_demand_node_group import (
    OnDemandNodeGroup,
    OnDemandNodeGroupArgs,
    OnDemandPoolSpec,
)
from components.aws.spot_node_group import SpotNodeGroup, SpotNodeGroupArgs, SpotPoolSpec
from components.names import LONGEST_NAME, shortened
from planning.capacity import node_capacity, spot_vcpus
from planning.instance_types import types_of
from settings import EksSettings
from settings.eks_pools import planned_pools
from settings.servers import EKS_NOTICE
from stacks.alb_entrance import AlbEntrance
from stacks.outputs import FallbackPool, LoadBalancers, NodePool, PlatformOutputs, Quantities
from stacks.platform import Egress, Platform
from stacks.s3_models import S3Models

# The handler drains within the two minutes of a Spot notice; it may take as long to hear of it.
_DRAIN_SECONDS = 300
# https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html
_EGRESS = (Egress("169.254.170.23/32", 80),)


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
    balancers = _deploy_controllers(
        settings,
        ControllerPlace(
            cluster_name=cluster.cluster_name,
            region=settings.region,
            tags=tags,
            registries=settings.registries,
        ),
        network.vpc_id,
        _priorities(pools),
        # Their pods need nodes, names and the agent that gives them their roles.
        pulumi.ResourceOptions(provider=kubernetes, depends_on=[addons]),
    )
    entrance = balancers and AlbEntrance(
        controller=balancers, place=_load_balancers(settings.network)
    )
    bucket = ModelBucket("models", ModelBucketArgs(spec=settings.model_bucket, tags=tags))

    return Platform(
        description=PlatformOutputs(
            kind=settings.kind,
            cluster_name=cluster.cluster_name,
            region=settings.region,
            location=settings.region,
            pools={pool: _description(spec) for pool, spec in settings.pools.items()},
            daemon_sets=Quantities(
                cpu=settings.daemon_sets.cpu,
                memory=settings.daemon_sets.memory,
                pods=str(settings.daemon_sets.pods),
            ),
            spot_vcpus=spot_vcpus(
                (types_of(spec.instance_types), spec.most_spot_nodes)
                for spec in settings.pools.values()
                if isinstance(spec, SpotPoolSpec)
            ),
            notice=EKS_NOTICE,
            egress=_EGRESS,
            entrance=entrance and entrance.place,
            registries=settings.registries,
        ),
        kubeconfig=cluster.kubeconfig,
        kubernetes=kubernetes,
        models=S3Models(
            bucket_name=bucket.bucket_name,
            arn=bucket.arn,
            cluster_name=cluster.cluster_name,
            region=settings.region,
            tags=tags,
            owner=bucket,
        ),
        capacity=[*pools.values(), addons],
        notice=EKS_NOTICE,
        pools=planned_pools(settings),
        entrance=entrance,
        egress=_EGRESS,
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
) -> LoadBalancerController | None:
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
    if not (controller := settings.load_balancer_controller).enabled:
        return None
    return LoadBalancerController(
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


def _load_balancers(network: AnyNetworkSpec) -> LoadBalancers:
    cidrs = (network.cidr,) if network.cidr else ()
    if not isinstance(network, ExistingNetworkSpec):
        return LoadBalancers(kind="alb", cidrs=cidrs)
    # What is there already may lack the tags by which the controller would find it.
    subnets = {"internal": network.private_subnet_ids, "public": network.public_subnet_ids}
    return LoadBalancers(kind="alb", cidrs=cidrs, subnets=subnets)


def _description(spec: OnDemandPoolSpec | SpotPoolSpec) -> NodePool:
    types = types_of(spec.instance_types)
    return NodePool(
        kind=spec.kind,
        instance_types=spec.instance_types,
        minimum=spec.nodes.minimum,
        maximum=spec.nodes.maximum,
        labels=spec.labels,
        taints=spec.taints,
        vcpus=min(each.vcpus for each in types),
        node_capacity=Quantities(**node_capacity(types).quantities),
        fallback=_fallback(spec) if isinstance(spec, SpotPoolSpec) else None,
    )


def _fallback(spec: SpotPoolSpec) -> FallbackPool | None:
    return spec.fallback and FallbackPool(
        minimum=spec.fallback.nodes.minimum,
        maximum=spec.fallback.nodes.maximum,
        labels=spec.fallback_labels,
    )
