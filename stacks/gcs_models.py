"""Models in a GCS bucket: the stack's own, or that of the platform it shares."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from components.gcp.workload_identity import WorkloadIdentity, WorkloadIdentityArgs
from components.kubernetes.model_fetch import ModelRemote


@dataclass(frozen=True, kw_only=True)
class GcsModels:
    """Models in a bucket that pods read through Workload Identity."""

    bucket_name: pulumi.Input[str]
    project: str
    project_number: str
    folder: str = ""
    """Where in the bucket they are: in all of it, or below a path that ends with a slash."""
    owner: pulumi.Resource | None = None
    """The bucket, if it is this stack's."""

    @property
    def uri(self) -> pulumi.Output[str]:
        """The bucket, with its scheme, and the folder in it."""
        return pulumi.Output.format("gs://{0}", self._place)

    @property
    def remote(self) -> ModelRemote:
        """The bucket, as a pod's fetcher is told of it."""
        # https://rclone.org/googlecloudstorage/
        options = {"type": "gcs", "env_auth": "true", "bucket_policy_only": "true"}
        return ModelRemote(bucket=self._place, options=options)

    @property
    def _place(self) -> pulumi.Output[str]:
        folder = f"/{self.folder}".rstrip("/")
        return pulumi.Output.from_input(self.bucket_name).apply(lambda name: f"{name}{folder}")

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
        """Let the pods of a service account read what is below prefixes, and nothing else."""
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
        )
