"""What a bucket of models is in every cloud: how hard it is to lose one."""

from collections.abc import Iterator
from dataclasses import dataclass

from components.spec import Fault, Spec, rule


@dataclass(frozen=True, kw_only=True)
class ModelBucketSpec(Spec):
    """How hard it is to lose a model.

    Attributes:
        protected: No destroy, until it is taken off.
        force_destroy: A destroy takes what is in the bucket with it, whoever put it there. Without
            it the destroy of a bucket that is not empty is refused.
        old_version_days: How long a file can be had back after it was overwritten or deleted.
    """

    protected: bool = False
    force_destroy: bool = False
    old_version_days: int = 90

    @rule
    def _protection_is_meant(self) -> Iterator[Fault]:
        if self.protected and self.force_destroy:
            limit = "must be false in a protected bucket, which nothing destroys"
            yield Fault(("force_destroy",), limit, self.force_destroy)

    @rule
    def _versions_are_kept(self) -> Iterator[Fault]:
        if self.old_version_days < 1:
            yield Fault(("old_version_days",), "must be at least 1", self.old_version_days)
