"""A platform on EKS: network, cluster, node pools, model bucket."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from components.aws.eks_addons import EksAddons, EksAddonsArgs
from components.aws.eks_cluster import EksCluster, EksClusterArgs
from components.aws.model_bucket import ModelBucket, ModelBucketArgs
from components.aws.network import Network, NetworkArgs
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
from settings import EksSettings
from stacks.platform import Platform


def deploy(settings: EksSettings) -> Platform:
    """Declare the platform's resources and return what serving needs of it."""
    name = settings.name
    tags = {"project": pulumi.get_project(), "stack": pulumi.get_stack()}

    network = Network(name, NetworkArgs(spec=settings.network, region=settings.region, tags=tags))
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
            # A node without network plugin and agent would not become ready; and the network's
            # routes must outlive the nodes.
            pulumi.ResourceOptions(depends_on=[cluster, network]),
        )
        for pool, spec in settings.pools.items()
    }
    addons = EksAddons(
        name,
        EksAddonsArgs(
            cluster_name=cluster.cluster_name, versions=settings.addon_versions, tags=tags
        ),
        pulumi.ResourceOptions(depends_on=[*pools.values()]),
    )
    bucket = ModelBucket("models", ModelBucketArgs(tags=tags))

    return Platform(
        description={
            "kind": settings.kind,
            "cluster_name": cluster.cluster_name,
            "region": settings.region,
            "pools": {pool: _description(spec) for pool, spec in settings.pools.items()},
        },
        kubeconfig=cluster.kubeconfig,
        kubernetes=k8s.Provider(
            "kubernetes",
            kubeconfig=cluster.kubeconfig,
            # Without it an unknown kubeconfig would replace everything that is in the cluster.
            cluster_identifier=name,
            enable_server_side_apply=True,
        ),
        models=S3Models(
            bucket=bucket, cluster_name=cluster.cluster_name, region=settings.region, tags=tags
        ),
        capacity=[*pools.values(), addons],
    )


def _node_group(
    name: str,
    spec: OnDemandPoolSpec | SpotPoolSpec,
    place: PoolPlace,
    opts: pulumi.ResourceOptions,
) -> pulumi.ComponentResource:
    match spec:
        case OnDemandPoolSpec():
            return OnDemandNodeGroup(name, OnDemandNodeGroupArgs(spec=spec, place=place), opts)
        case SpotPoolSpec():
            return SpotNodeGroup(name, SpotNodeGroupArgs(spec=spec, place=place), opts)


def _description(spec: OnDemandPoolSpec | SpotPoolSpec) -> Mapping[str, object]:
    return {
        "kind": spec.kind,
        "instance_types": spec.instance_types,
        "minimum": spec.nodes.minimum,
        "maximum": spec.nodes.maximum,
        "labels": spec.labels,
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
