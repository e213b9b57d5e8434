"""A platform on GKE: network, cluster, node pools, compute classes, model bucket."""

from collections.abc import Iterator, Mapping

import pulumi
import pulumi_kubernetes as k8s

from components.gcp.compute_class import ComputeClass, ComputeClassArgs
from components.gcp.gke_cluster import GkeCluster, GkeClusterArgs
from components.gcp.gke_node_pool import (
    GkeNodePool,
    GkeNodePoolArgs,
    SpotPoolSpec,
)
from components.gcp.model_bucket import ModelBucket, ModelBucketArgs
from components.gcp.network import ExistingNetworkSpec, Network, NetworkArgs
from components.gcp.node_account import NodeAccount, NodeAccountArgs
from components.kubernetes.taints import COMPUTE_CLASS, Taint
from planning.capacity import gke_allocatable
from planning.machine_types import MachineType, machine_type
from settings import GkeSettings
from settings.gke import GkePool, fallback_name
from settings.gke_pools import compute_class, planned_pools, shortest_notice
from stacks.gcs_models import GcsModels
from stacks.gke_entrance import GkeEntrance
from stacks.gke_monitoring import ManagedPrometheus
from stacks.outputs import (
    FallbackPool,
    GoogleProject,
    LoadBalancers,
    NodePool,
    PlatformOutputs,
    Quantities,
)
from stacks.platform import Egress, Platform

# The metadata server that gives pods their tokens, as Dataplane V2 sees it.
# https://docs.cloud.google.com/kubernetes-engine/docs/how-to/network-policy#network-policy-and-workload-identity
EGRESS = (Egress("169.254.169.254/32", 80),)


def deploy(settings: GkeSettings) -> Platform:
    """Declare the platform's resources and return what serving needs of it."""
    name, given = settings.name, settings.network
    labels = {
        **settings.labels,
        "project": _label(pulumi.get_project()),
        "stack": _label(pulumi.get_stack()),
    }

    if isinstance(given, ExistingNetworkSpec):
        network, made = given, []
    else:
        network = Network(name, NetworkArgs(spec=given, region=settings.region))
        made = [network]
    account = NodeAccount(
        name, NodeAccountArgs(project=settings.project, location=settings.location)
    )
    cluster = GkeCluster(
        name,
        GkeClusterArgs(
            spec=settings,
            project=settings.project,
            network=network.network,
            subnetwork=network.subnetwork,
            pods_range=network.pods_range,
            services_range=network.services_range,
            service_account=account.email,
            labels=labels,
        ),
        # Nodes without a way out pull no images.
        pulumi.ResourceOptions(depends_on=[*made, account]),
    )
    kubernetes = k8s.Provider(
        "kubernetes",
        kubeconfig=cluster.kubeconfig,
        # Without it an unknown kubeconfig would replace everything that is in the cluster.
        cluster_identifier=name,
        enable_server_side_apply=True,
    )
    pools = [*_node_pools(settings, cluster, account, kubernetes, labels)]
    bucket = ModelBucket(
        "models",
        ModelBucketArgs(spec=settings.model_bucket, location=settings.region, labels=labels),
    )
    entrance = GkeEntrance(
        place=LoadBalancers(
            kind="gke",
            cidrs=(given.cidr,) if given.cidr else (),
            proxy_cidr=given.proxy_cidr,
            subnetwork=network.subnetwork,
        ),
        region=settings.region,
    )
    notice = shortest_notice(settings)

    return Platform(
        description=PlatformOutputs(
            kind=settings.kind,
            cluster_name=cluster.cluster_name,
            region=settings.region,
            location=settings.location,
            project=GoogleProject(id=settings.project, number=settings.project_number),
            pools={
                pool: _description(pool, spec, len(settings.node_zones))
                for pool, spec in settings.pools.items()
            },
            daemon_sets=Quantities(
                cpu=settings.daemon_sets.cpu,
                memory=settings.daemon_sets.memory,
                pods=str(settings.daemon_sets.pods),
            ),
            spot_vcpus=sum(
                _machine(spec).vcpus * spec.most_nodes(len(settings.node_zones))
                for spec in settings.pools.values()
                if isinstance(spec, SpotPoolSpec)
            ),
            notice=notice,
            egress=EGRESS,
            entrance=entrance.place,
            managed_prometheus=True,
            registries=settings.registries,
        ),
        kubeconfig=cluster.kubeconfig,
        kubernetes=kubernetes,
        models=GcsModels(
            bucket_name=bucket.bucket_name,
            project=settings.project,
            project_number=settings.project_number,
            owner=bucket,
            cluster=cluster,
        ),
        capacity=pools,
        notice=notice,
        pools=planned_pools(settings),
        entrance=entrance,
        monitoring=ManagedPrometheus(),
        egress=EGRESS,
    )


def _node_pools(
    settings: GkeSettings,
    cluster: GkeCluster,
    account: NodeAccount,
    kubernetes: k8s.Provider,
    labels: Mapping[str, str],
) -> Iterator[pulumi.ComponentResource]:
    def node_pool(pool: str, spec: GkePool, of_class: str | None) -> GkeNodePool:
        return GkeNodePool(
            pool,
            GkeNodePoolArgs(
                spec=spec,
                cluster_name=cluster.cluster_name,
                location=settings.location,
                zones=settings.node_zones,
                service_account=account.email,
                compute_class=of_class,
                labels={**labels, "pool": pool},
            ),
            # A node cannot join while its account may not.
            pulumi.ResourceOptions(depends_on=[account, cluster]),
        )

    for pool, spec in settings.pools.items():
        of_class = compute_class(pool, spec)
        yield (first := node_pool(pool, spec, of_class))
        if isinstance(spec, SpotPoolSpec) and (fallback := spec.fallback_pool) is not None:
            second = node_pool(fallback_name(pool), fallback, of_class)
            names = [first.node_pool_name, second.node_pool_name]
            yield second
            yield ComputeClass(
                pool, ComputeClassArgs(pools=names), pulumi.ResourceOptions(provider=kubernetes)
            )


def _description(name: str, spec: GkePool, zones: int) -> NodePool:
    machine = _machine(spec)
    of_class = compute_class(name, spec)
    own = {COMPUTE_CLASS: of_class} if of_class else {}
    labels = {**spec.labels, **own}
    return NodePool(
        kind=spec.kind,
        instance_types=(spec.machine_type,),
        minimum=spec.fewest_nodes(zones),
        maximum=spec.most_nodes(zones),
        labels=labels,
        taints=(*spec.taints, *(Taint(key=key, value=value) for key, value in own.items())),
        vcpus=machine.vcpus,
        node_capacity=Quantities(**gke_allocatable(machine).quantities),
        fallback=_fallback(spec, zones, labels) if isinstance(spec, SpotPoolSpec) else None,
    )


def _fallback(spec: SpotPoolSpec, zones: int, labels: Mapping[str, str]) -> FallbackPool | None:
    return spec.fallback and FallbackPool(
        minimum=spec.fallback.fewest_nodes(zones),
        maximum=spec.fallback.most_nodes(zones),
        labels=labels,
    )


def _machine(spec: GkePool) -> MachineType:
    machine = machine_type(spec.machine_type)
    assert machine is not None  # settings have refused those that are not known
    return machine


def _label(text: str) -> str:
    """Return a name of ours as Google takes it for the value of a label."""
    return "".join(each if each.isalnum() or each in "-_" else "-" for each in text.lower())[:63]
