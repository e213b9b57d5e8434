"""A private, versioned bucket that holds exported models."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws

from components.model_bucket import ModelBucketSpec


@dataclass(frozen=True, kw_only=True)
class ModelBucketArgs:
    """What the bucket is, and its tags."""

    spec: ModelBucketSpec = field(default_factory=ModelBucketSpec)
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


class ModelBucket(pulumi.ComponentResource):
    """A bucket that only its account reads, over TLS, and whose files survive an overwrite."""

    bucket_name: pulumi.Output[str]
    arn: pulumi.Output[str]
    uri: pulumi.Output[str]

    def __init__(
        self, name: str, args: ModelBucketArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:ModelBucket", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)

        bucket = aws.s3.Bucket(
            f"{name}-bucket",
            force_destroy=args.spec.force_destroy,
            tags=args.tags,
            opts=pulumi.ResourceOptions(parent=self, protect=args.spec.protected),
        )
        versioning = aws.s3.BucketVersioning(
            f"{name}-versioning",
            bucket=bucket.id,
            versioning_configuration={"status": "Enabled"},
            opts=child,
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=bucket.id,
            rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}],
            opts=child,
        )
        aws.s3.BucketOwnershipControls(
            f"{name}-ownership",
            bucket=bucket.id,
            rule={"object_ownership": "BucketOwnerEnforced"},
            opts=child,
        )
        private = aws.s3.BucketPublicAccessBlock(
            f"{name}-public-access",
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=child,
        )
        aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.id,
            policy=bucket.arn.apply(_tls_only),
            # S3 refuses two changes of a bucket's access at once.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[private]),
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=bucket.id,
            rules=[
                {
                    "id": "old-versions-expire",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "noncurrent_version_expiration": {
                        "noncurrent_days": args.spec.old_version_days
                    },
                    "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
                }
            ],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[versioning]),
        )

        self.bucket_name = bucket.id
        self.arn = bucket.arn
        self.uri = pulumi.Output.format("s3://{0}", bucket.id)
        self.register_outputs({"bucket_name": self.bucket_name, "arn": self.arn, "uri": self.uri})


def read_policy(arn: pulumi.Input[str], prefixes: Sequence[str]) -> pulumi.Output[str]:
    """Return the IAM policy that allows to list and read what is below prefixes, no more."""
    return pulumi.Output.from_input(arn).apply(lambda arn: _read_only(arn, prefixes))


def _tls_only(arn: str) -> str:
    return _document(
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    )


def _read_only(arn: str, prefixes: Sequence[str]) -> str:
    below = [f"{prefix}/*" for prefix in prefixes]
    return _document(
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": arn,
            "Condition": {"StringLike": {"s3:prefix": below}},
        },
        {
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": [f"{arn}/{each}" for each in below],
        },
    )


def _document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
