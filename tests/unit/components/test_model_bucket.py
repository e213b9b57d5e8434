"""What is told about buckets of models, whichever cloud they are in."""

from typing import Any

import pytest

from components.model_bucket import ModelBucketSpec
from components.spec import SpecError


def refusal_of(**spec: Any) -> str:
    with pytest.raises(SpecError) as refusal:
        ModelBucketSpec(**spec)
    return str(refusal.value)


def test_old_versions_are_kept_for_a_day_at_least():
    assert refusal_of(old_version_days=0) == "old_version_days: must be at least 1, got 0"
    assert ModelBucketSpec(old_version_days=1).old_version_days == 1


def test_a_destroy_cannot_both_be_refused_and_take_the_models_with_it():
    rule = "must be false in a protected bucket, which nothing destroys"
    assert refusal_of(protected=True, force_destroy=True) == f"force_destroy: {rule}, got True"
    assert ModelBucketSpec(protected=True).force_destroy is False
    assert ModelBucketSpec(force_destroy=True).protected is False
