"""Models in a GCS bucket: the stack's own, or that of the platform it shares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_gcp as gcp

from components.gcp.workload_identity import WorkloadIdentity, WorkloadIdentityArgs
from components.kubernetes.model_fetch import ModelRemote
from stacks.bucket_models import BucketModels

# https://rclone.org/googlecloudstorage/
REMOTE: Mapping[str, str] = {"type": "gcs", "env_auth": "true", "bucket_policy_only": "true"}
"""The bucket in rclone's words: read as the pod's own account."""


@dataclass(frozen=True, kw_only=True)
class GcsModels(BucketModels):
    """Models in a bucket that pods read through Workload Identity."""

    scheme: ClassVar[str] = "gs"

    project: str
    project_number: str
    cluster: pulumi.Resource | None = None
    """The cluster, if it is this stack's: a project knows no pods before it has had one."""

    @property
    def remote(self) -> ModelRemote:
        """The bucket, as a pod's fetcher is told of it."""
        return ModelRemote(bucket=self.place, options=REMOTE)

    def upload(self, name: str, key: str, path: str, digest: str) -> pulumi.Resource:
        """Put a file of this project into the bucket; the digest says when to do so again."""
        return gcp.storage.BucketObject(
            name,
            bucket=self.bucket_name,
            name=f"{self.folder}{key}",
            source=pulumi.FileAsset(path),
            metadata={"sha256": digest},
            opts=pulumi.ResourceOptions(parent=self.owner),
        )

    def allow(
        self, name: str, *, namespace: str, service_account: str, prefixes: Sequence[str]
    ) -> pulumi.Resource:
        """Let the pods of a service account read what is below prefixes, of the rest only names."""
        return WorkloadIdentity(
            name,
            WorkloadIdentityArgs(
                project=self.project,
                project_number=self.project_number,
                namespace=namespace,
                service_account=service_account,
                bucket=self.bucket_name,
                prefixes=[f"{self.folder}{each}" for each in prefixes],
            ),
            # The first cluster with Workload Identity makes the pool that the members are of.
            pulumi.ResourceOptions(depends_on=[self.cluster] if self.cluster else []),
        )
