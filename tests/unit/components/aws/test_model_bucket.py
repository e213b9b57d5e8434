"""ModelBucket: private, encrypted, versioned; read below a prefix by those who may."""

import json
from typing import Any

import pytest

from components.aws.model_bucket import ModelBucket, ModelBucketArgs, read_policy
from components.model_bucket import ModelBucketSpec

BUCKET = "aws:s3/bucket:Bucket"
ENCRYPTION = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
)
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
PUBLIC_ACCESS = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
ARN = "arn:aws:s3:::models-bucket-id"


def a_bucket(**spec: Any) -> ModelBucket:
    return ModelBucket("models", ModelBucketArgs(spec=ModelBucketSpec(**spec), tags={"team": "ml"}))


def of_the_bucket(cloud: Any, typ: str) -> dict[str, Any]:
    inputs = cloud.one(typ)
    assert inputs.pop("bucket") == "models-bucket-id"
    return inputs


def test_a_bucket_with_models_in_it_is_not_deleted(cloud):
    cloud.run(a_bucket)

    assert cloud.one(BUCKET) == {"forceDestroy": False, "tags": {"team": "ml"}}


def test_models_go_with_their_bucket_if_the_spec_says_so(cloud):
    cloud.run(lambda: a_bucket(force_destroy=True))

    assert cloud.one(BUCKET)["forceDestroy"] is True


@pytest.mark.parametrize("protected", [True, False])
def test_a_protected_bucket_is_not_deleted_even_empty(cloud, protected):
    cloud.run(lambda: a_bucket(protected=protected))

    assert cloud.options(BUCKET).protect is protected


def test_old_versions_are_kept_as_long_as_the_spec_says(cloud):
    cloud.run(lambda: a_bucket(old_version_days=7))

    (rule,) = cloud.one(LIFECYCLE)["rules"]
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 7}


def test_nothing_in_it_is_public(cloud):
    cloud.run(a_bucket)

    assert of_the_bucket(cloud, PUBLIC_ACCESS) == {
        "blockPublicAcls": True,
        "blockPublicPolicy": True,
        "ignorePublicAcls": True,
        "restrictPublicBuckets": True,
    }
    assert of_the_bucket(cloud, OWNERSHIP) == {"rule": {"objectOwnership": "BucketOwnerEnforced"}}


def test_it_is_encrypted(cloud):
    cloud.run(a_bucket)

    (rule,) = of_the_bucket(cloud, ENCRYPTION)["rules"]
    assert rule == {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}


def test_it_is_used_over_tls_only(cloud):
    cloud.run(a_bucket)

    assert json.loads(of_the_bucket(cloud, POLICY)["policy"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [ARN, f"{ARN}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
    assert "models-public-access" in cloud.waits_for(POLICY)


def test_what_is_overwritten_is_kept_for_a_while(cloud):
    cloud.run(a_bucket)

    assert of_the_bucket(cloud, VERSIONING) == {"versioningConfiguration": {"status": "Enabled"}}
    assert of_the_bucket(cloud, LIFECYCLE) == {
        "rules": [
            {
                "id": "old-versions-expire",
                "status": "Enabled",
                "filter": {"prefix": ""},
                "noncurrentVersionExpiration": {"noncurrentDays": 90},
                "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
            }
        ]
    }
    assert "models-versioning" in cloud.waits_for(LIFECYCLE)


@pytest.mark.parametrize(
    "typ", [BUCKET, ENCRYPTION, LIFECYCLE, OWNERSHIP, POLICY, PUBLIC_ACCESS, VERSIONING]
)
def test_every_child_belongs_to_it(cloud, typ):
    cloud.run(a_bucket)

    assert cloud.parent_of(typ) == "tfserving:index:ModelBucket::models"


def test_a_reader_lists_and_reads_what_is_below_its_prefixes_and_no_more(cloud):
    bucket = cloud.run(a_bucket)

    assert json.loads(cloud.value(read_policy(bucket.arn, ["models/a", "models/b"]))) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": ARN,
                "Condition": {"StringLike": {"s3:prefix": ["models/a/*", "models/b/*"]}},
            },
            {
                "Effect": "Allow",
                "Action": "s3:GetObject",
                "Resource": [f"{ARN}/models/a/*", f"{ARN}/models/b/*"],
            },
        ],
    }


def test_it_promises_where_it_is(cloud):
    bucket = cloud.run(a_bucket)

    assert cloud.promised(bucket) == {
        "bucket_name": "models-bucket-id",
        "arn": ARN,
        "uri": "s3://models-bucket-id",
    }
