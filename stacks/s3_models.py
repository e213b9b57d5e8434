"""Models in an S3 bucket: the stack's own, or that of the platform it shares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from components.aws.model_bucket import read_policy
from components.aws.pod_identity import PodIdentity, PodIdentityArgs
from components.kubernetes.model_fetch import ModelRemote
from stacks.bucket_models import BucketModels


@dataclass(frozen=True, kw_only=True)
class S3Models(BucketModels):
    """Models in a bucket that pods read through EKS Pod Identity."""

    scheme: ClassVar[str] = "s3"

    arn: pulumi.Input[str]
    cluster_name: pulumi.Input[str]
    region: str
    tags: Mapping[str, str]

    @property
    def remote(self) -> ModelRemote:
        """The bucket, as a pod's fetcher is told of it."""
        # https://rclone.org/s3/
        options = {"type": "s3", "provider": "AWS", "env_auth": "true", "region": self.region}
        return ModelRemote(bucket=self.place, options=options)

    def upload(self, name: str, key: str, path: str, digest: str) -> pulumi.Resource:
        """Put a file of this project into the bucket; the digest says when to do so again."""
        return aws.s3.BucketObjectv2(
            name,
            bucket=self.bucket_name,
            key=f"{self.folder}{key}",
            source=pulumi.FileAsset(path),
            source_hash=digest,
            tags=self.tags,
            opts=pulumi.ResourceOptions(parent=self.owner),
        )

    def allow(
        self, name: str, *, namespace: str, service_account: str, prefixes: Sequence[str]
    ) -> pulumi.Resource:
        """Let the pods of a service account read what is below prefixes, and nothing else."""
        return PodIdentity(
            name,
            PodIdentityArgs(
                cluster_name=self.cluster_name,
                namespace=namespace,
                service_account=service_account,
                policy=read_policy(self.arn, [f"{self.folder}{each}" for each in prefixes]),
                tags=self.tags,
            ),
        )
