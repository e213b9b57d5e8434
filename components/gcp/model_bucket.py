"""A private, versioned bucket that holds exported models."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_gcp as gcp

from components.model_bucket import ModelBucketSpec
from components.spec import Fault, rule

# https://cloud.google.com/storage/docs/buckets#naming
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]")
_RESERVED = re.compile(r"goog|.*google|.*g00gle")


@dataclass(frozen=True, kw_only=True)
class GcsModelBucketSpec(ModelBucketSpec):
    """A bucket that may have a name.

    Names of buckets are the world's: without one, the bucket gets one that is free.
    """

    name: str | None = None

    @rule
    def _name_is_accepted(self) -> Iterator[Fault]:
        if self.name is None:
            return
        if not _NAME.fullmatch(self.name):
            limit = "must be 3 to 63 lower-case letters, digits, hyphens and underscores, a letter "
            limit += "or digit at either end; dots are for domains that one has to own"
            yield Fault(("name",), limit, self.name)
        if _RESERVED.match(self.name):
            yield Fault(
                ("name",),
                "must not begin with goog, nor have google in it, however it is spelled",
                self.name,
            )


@dataclass(frozen=True, kw_only=True)
class ModelBucketArgs:
    """What the bucket is, in which region, and its labels."""

    spec: GcsModelBucketSpec = field(default_factory=GcsModelBucketSpec)
    location: str
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


class ModelBucket(pulumi.ComponentResource):
    """A bucket that IAM alone opens, to nobody in public, and whose files survive an overwrite."""

    bucket_name: pulumi.Output[str]
    uri: pulumi.Output[str]

    def __init__(
        self, name: str, args: ModelBucketArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:ModelBucket", name, {}, opts)

        bucket = gcp.storage.Bucket(
            f"{name}-bucket",
            name=args.spec.name,
            # As Cloud Storage itself spells it.
            location=args.location.upper(),
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            versioning={"enabled": True},
            lifecycle_rules=[
                {
                    "action": {"type": "Delete"},
                    "condition": {"days_since_noncurrent_time": args.spec.old_version_days},
                },
                {
                    "action": {"type": "AbortIncompleteMultipartUpload"},
                    "condition": {"age": 7},
                },
            ],
            force_destroy=args.spec.force_destroy,
            labels=args.labels,
            opts=pulumi.ResourceOptions(parent=self, protect=args.spec.protected),
        )

        self.bucket_name = bucket.name
        self.uri = pulumi.Output.format("gs://{0}", bucket.name)
        self.register_outputs({"bucket_name": self.bucket_name, "uri": self.uri})
