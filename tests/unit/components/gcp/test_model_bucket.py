"""ModelBucket: private, versioned, and hard to lose."""

from typing import Any

import pytest

from components.gcp.model_bucket import GcsModelBucketSpec, ModelBucket, ModelBucketArgs
from components.spec import SpecError

BUCKET = "gcp:storage/bucket:Bucket"


def a_bucket(**spec: Any) -> ModelBucket:
    args = ModelBucketArgs(
        spec=GcsModelBucketSpec(**spec), location="us-central1", labels={"team": "ml"}
    )
    return ModelBucket("models", args)


def refusal_of(**spec: Any) -> str:
    with pytest.raises(SpecError) as refusal:
        GcsModelBucketSpec(**spec)
    return str(refusal.value)


def test_it_is_private_versioned_and_not_deleted_with_models_in_it(cloud):
    cloud.run(a_bucket)

    assert cloud.one(BUCKET) == {
        "location": "US-CENTRAL1",
        "uniformBucketLevelAccess": True,
        "publicAccessPrevention": "enforced",
        "versioning": {"enabled": True},
        "lifecycleRules": [
            {"action": {"type": "Delete"}, "condition": {"daysSinceNoncurrentTime": 90}},
            {"action": {"type": "AbortIncompleteMultipartUpload"}, "condition": {"age": 7}},
        ],
        "forceDestroy": False,
        "labels": {"team": "ml"},
    }


def test_it_has_the_name_that_it_is_given(cloud):
    cloud.run(lambda: a_bucket(name="my-project-bucket"))

    assert cloud.one(BUCKET)["name"] == "my-project-bucket"


def test_old_versions_are_kept_as_long_as_the_spec_says(cloud):
    cloud.run(lambda: a_bucket(old_version_days=7))

    assert cloud.one(BUCKET)["lifecycleRules"][0]["condition"] == {"daysSinceNoncurrentTime": 7}


def test_models_go_with_their_bucket_if_the_spec_says_so(cloud):
    cloud.run(lambda: a_bucket(force_destroy=True))

    assert cloud.one(BUCKET)["forceDestroy"] is True


@pytest.mark.parametrize("protected", [True, False])
def test_a_protected_bucket_is_not_deleted_even_empty(cloud, protected):
    cloud.run(lambda: a_bucket(protected=protected))

    assert cloud.options(BUCKET).protect is protected


def test_a_bucket_is_neither_protected_nor_labelled_unless_it_is_said(cloud):
    cloud.run(lambda: ModelBucket("models", ModelBucketArgs(location="us-central1")))

    assert cloud.options(BUCKET).protect is False
    assert cloud.one(BUCKET)["labels"] == {}


def test_the_bucket_belongs_to_it(cloud):
    cloud.run(a_bucket)

    assert cloud.parent_of(BUCKET) == "tfserving:index:ModelBucket::models"


def test_it_promises_where_it_is(cloud):
    bucket = cloud.run(a_bucket)

    assert cloud.promised(bucket) == {
        "bucket_name": "models-bucket-name",
        "uri": "gs://models-bucket-name",
    }


@pytest.mark.parametrize("name", ["abc", "a" * 63, "0_models-1", None])
def test_a_name_is_what_cloud_storage_takes(name):
    assert GcsModelBucketSpec(name=name).name == name


@pytest.mark.parametrize(
    "name", ["", "ab", "a" * 64, "-abc", "abc_", "Models", "models.example.com", "my models"]
)
def test_a_name_is_nothing_else(name):
    assert refusal_of(name=name) == (
        "name: must be 3 to 63 lower-case letters, digits, hyphens and underscores, a letter or "
        f"digit at either end; dots are for domains that one has to own, got {name!r}"
    )


@pytest.mark.parametrize("name", ["goog-models", "my-google-models", "g00gle-models"])
def test_a_name_is_not_googles(name):
    rule = "must not begin with goog, nor have google in it, however it is spelled"
    assert refusal_of(name=name) == f"name: {rule}, got {name!r}"


def test_a_name_may_have_goog_in_it():
    assert GcsModelBucketSpec(name="my-goog").name == "my-goog"
