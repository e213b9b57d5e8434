"""Rows of S3: buckets and objects are held, since pods read them; their settings are recorded.

The bucket policy is checked and not handed on: the emulator ignores conditions, so that a policy
which denies plain HTTP would deny everything.
"""

from typing import Any

from botocore.exceptions import ClientError

from sandbox.providers.aws.account import OWNER_TAG, Account, error_code, is_missing
from sandbox.providers.aws.checks import one_of_shape, policy_document
from sandbox.providers.aws.resource_type import ResourceType
from sandbox.providers.checks import any_of, exclusive, matches
from sandbox.providers.plugin import Refused
from sandbox.providers.resource_type import Inputs, Outputs, by
from sandbox.providers.values import asset_bytes

_DOCS = "https://www.pulumi.com/registry/packages/aws/api-docs/s3/"
_NAMES = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"


class Buckets:
    """Buckets."""

    def create(self, account: Account, inputs: Inputs, owner: str) -> str:
        """Make the bucket in the account's region."""
        # With its tag in one request: a crash between two would leave a bucket of nobody's.
        made: dict[str, Any] = {"Tags": [{"Key": OWNER_TAG, "Value": owner}]}
        if account.region != "us-east-1":
            made["LocationConstraint"] = account.region
        account.client("s3").create_bucket(Bucket=inputs["bucket"], CreateBucketConfiguration=made)
        return inputs["bucket"]

    def find(self, account: Account, owner: str) -> list[str]:
        """Find a bucket by its owner."""
        client = account.client("s3")
        for bucket in client.list_buckets()["Buckets"]:
            try:
                tags = client.get_bucket_tagging(Bucket=bucket["Name"])["TagSet"]
            except ClientError:
                continue
            if {"Key": OWNER_TAG, "Value": owner} in tags:
                return [bucket["Name"]]
        return []

    def read(self, account: Account, identifier: str) -> Outputs | None:
        """Tell whether it is there."""
        try:
            account.client("s3").head_bucket(Bucket=identifier)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        return {"bucket": identifier}

    def update(self, account: Account, identifier: str, old: Inputs, new: Inputs) -> None:
        """Nothing that may change in place is read by a running thing."""

    def delete(self, account: Account, identifier: str) -> None:
        """Delete the bucket, which must be empty as on AWS."""
        try:
            account.client("s3").delete_bucket(Bucket=identifier)
        except ClientError as error:
            match error_code(error):
                case "NoSuchBucket":
                    return
                case "BucketNotEmpty":
                    raise Refused(
                        f"bucket {identifier} is not empty: delete its objects first, "
                        "or set forceDestroy"
                    ) from None
                case _:
                    raise


class Versioning:
    """Whether overwritten and deleted objects of a bucket are kept."""

    def create(self, account: Account, inputs: Inputs, owner: str) -> str:
        """Set it."""
        self.update(account, inputs["bucket"], {}, inputs)
        return inputs["bucket"]

    def find(self, account: Account, owner: str) -> list[str]:
        """Setting it again does no harm, so nothing needs finding."""
        return []

    def read(self, account: Account, identifier: str) -> Outputs | None:
        """Read it."""
        try:
            held = account.client("s3").get_bucket_versioning(Bucket=identifier)
        except ClientError:
            return None
        return {"versioningConfiguration": {"status": held.get("Status", "Suspended")}}

    def update(self, account: Account, identifier: str, old: Inputs, new: Inputs) -> None:
        """Set it anew."""
        status = new["versioningConfiguration"]["status"]
        if status != "Disabled":
            account.client("s3").put_bucket_versioning(
                Bucket=identifier, VersioningConfiguration={"Status": status}
            )

    def delete(self, account: Account, identifier: str) -> None:
        """Suspend it: a bucket that had versioning never loses it."""
        if self.read(account, identifier):
            account.client("s3").put_bucket_versioning(
                Bucket=identifier, VersioningConfiguration={"Status": "Suspended"}
            )


class Objects:
    """Objects, with their content."""

    def create(self, account: Account, inputs: Inputs, owner: str) -> str:
        """Upload the content."""
        given = {"ContentType": inputs["contentType"]} if inputs.get("contentType") else {}
        account.client("s3").put_object(
            Bucket=inputs["bucket"], Key=inputs["key"], Body=_content(inputs), **given
        )
        return f"{inputs['bucket']}/{inputs['key']}"

    def find(self, account: Account, owner: str) -> list[str]:
        """Uploading it again does no harm, so nothing needs finding."""
        return []

    def read(self, account: Account, identifier: str) -> Outputs | None:
        """Read what S3 says of the content."""
        bucket, _, key = identifier.partition("/")
        try:
            held = account.client("s3").head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        return {"etag": held["ETag"].strip('"'), "versionId": held.get("VersionId", "")}

    def update(self, account: Account, identifier: str, old: Inputs, new: Inputs) -> None:
        """Upload the content anew."""
        self.create(account, new, "")

    def delete(self, account: Account, identifier: str) -> None:
        """Delete every version of the object, as the real provider does."""
        bucket, _, key = identifier.partition("/")
        client = account.client("s3")
        try:
            listed = client.list_object_versions(Bucket=bucket, Prefix=key)
        except ClientError:
            return
        for found in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]:
            if found["Key"] == key:
                client.delete_object(Bucket=bucket, Key=key, VersionId=found["VersionId"])


def _content(inputs: Inputs) -> bytes:
    if source := inputs.get("source"):
        return asset_bytes(source)
    return str(inputs.get("content", "")).encode()


def _bucket(account: Account, identifier: str, _inputs: Inputs) -> Outputs:
    return {
        "arn": f"arn:aws:s3:::{identifier}",
        "bucketDomainName": f"{identifier}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{identifier}.s3.{account.region}.amazonaws.com",
    }


def _object(_account: Account, _identifier: str, inputs: Inputs) -> Outputs:
    return {"arn": f"arn:aws:s3:::{inputs['bucket']}/{inputs['key']}"}


def _setting(name: str, *checks: Any, operations: Any = None) -> ResourceType:
    """Return the row of a setting that a bucket has once."""
    return ResourceType(
        token=f"aws:s3/{name[0].lower()}{name[1:]}:{name}",
        docs=f"{_DOCS}{name.lower()}/",
        identify=by("bucket"),
        replaces=("bucket",),
        checks=checks,
        operations=operations,
    )


ROWS = (
    ResourceType(
        token="aws:s3/bucket:Bucket",
        docs=f"{_DOCS}bucket/",
        identify=by("bucket"),
        named_by="bucket",
        computed=_bucket,
        replaces=("bucket", "bucketPrefix", "objectLockEnabled"),
        checks=(matches("bucket", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", _NAMES),),
        operations=Buckets(),
    ),
    *(
        ResourceType(
            token=f"aws:s3/{name[0].lower()}{name[1:]}:{name}",
            docs=f"{_DOCS}{name.lower()}/",
            identify=by("bucket", "key", separator="/"),
            computed=_object,
            replaces=("bucket", "key"),
            moves=("etag", "versionId"),
            checks=(exclusive("source", "content", "contentBase64"), any_of("source", "content")),
            operations=Objects(),
        )
        for name in ("BucketObject", "BucketObjectv2")
    ),
    _setting(
        "BucketVersioning",
        one_of_shape("versioningConfiguration.status", "s3", "BucketVersioningStatus"),
        operations=Versioning(),
    ),
    _setting(
        "BucketServerSideEncryptionConfiguration",
        one_of_shape(
            "rules.*.applyServerSideEncryptionByDefault.sseAlgorithm", "s3", "ServerSideEncryption"
        ),
    ),
    _setting("BucketPublicAccessBlock"),
    _setting(
        "BucketOwnershipControls", one_of_shape("rule.objectOwnership", "s3", "ObjectOwnership")
    ),
    _setting("BucketPolicy", policy_document("policy")),
    _setting(
        "BucketLifecycleConfiguration", one_of_shape("rules.*.status", "s3", "ExpirationStatus")
    ),
)
