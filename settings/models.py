"""The section `tfserving:models`: a model under each key."""

from collections.abc import Iterator
from dataclasses import dataclass

from components.kubernetes.serving_spec import TensorFlowServingSpec
from components.spec import Fault, rule
from settings.model_sources import ModelFiles, read_model_files, source_faults


@dataclass(frozen=True, kw_only=True)
class ModelSettings(TensorFlowServingSpec):
    """How a model is served, and from which folder it is uploaded if this stack does that.

    Its autoscaler may ask for more replicas than its pools can hold only if the file allows it.
    """

    source: str | None = None
    allow_unplaceable_replicas: bool = False

    @rule
    def _source_is_what_its_manifest_says(self) -> Iterator[Fault]:
        if self.source is not None:
            yield from source_faults(f"{self.source}/{self.version}")

    @property
    def files(self) -> ModelFiles | None:
        """What to upload: nothing for a model that is published otherwise."""
        if self.source is None:
            return None
        return read_model_files(f"{self.source}/{self.version}")
