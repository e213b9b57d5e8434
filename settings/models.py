"""The section `tfserving:models`: a model under each key."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from components.kubernetes.serving_spec import ServedVersions, TensorFlowServingSpec
from components.spec import Fault, rule
from settings.given import mapping
from settings.model_sources import ModelFiles, is_remote, read_model_files, source_faults


@dataclass(frozen=True, kw_only=True)
class ModelVersions(ServedVersions):
    """Versions of a model, and the folder that they are uploaded from if this stack does that."""

    source: str | None = None

    @rule
    def _source_is_what_its_manifests_say(self) -> Iterator[Fault]:
        if self.source is None:
            return
        if is_remote(self.source):
            limit = "must be a folder of this project, and none for a model that is published "
            limit += "otherwise: pods copy it from the stack's bucket, as TensorFlow Serving reads "
            limit += "no remote paths"
            yield Fault(("source",), limit, self.source)
            return
        for version in self.versions:
            yield from source_faults(f"{self.source}/{version}")

    def files(self, model: str) -> Mapping[str, ModelFiles]:
        """Return what to upload, by the key in the bucket that it goes below."""
        if self.source is None:
            return {}
        return {
            f"{self.folder(model)}/{version}": read_model_files(f"{self.source}/{version}")
            for version in self.versions
        }


@dataclass(frozen=True, kw_only=True)
class ModelSettings(TensorFlowServingSpec, ModelVersions):
    """How a model is served, and what the same server has loaded beside it.

    Its autoscaler may ask for more replicas than its pools can hold only if the file allows it.
    """

    also: Mapping[str, ModelVersions] = field(default_factory=dict[str, ModelVersions])
    allow_unplaceable_replicas: bool = False

    @property
    def models_mib(self) -> int:
        """How large all models of the server are: as given, as their files are, or a guess."""
        served: Sequence[ModelVersions] = (self, *self.also.values())
        if self.model_size is not None or any(each.source is None for each in served):
            return super().models_mib
        files = [files for each in served for files in each.files("").values()]
        return ceil(sum(each.size for each in files) / 1024**2)

    def all_files(self, name: str) -> Mapping[str, ModelFiles]:
        """Return what to upload for every model of the server; `name` is the key of this one."""
        sources: Mapping[str, ModelVersions] = {self.model or name: self, **self.also}
        return {
            key: files
            for model, versions in sources.items()
            for key, files in versions.files(model).items()
        }


def sound_models(given: object) -> Mapping[str, ModelSettings]:
    """Return every model of the section without the fields that are wrong."""
    return {
        name: ModelSettings.of_sound_fields(mapping(each)) for name, each in mapping(given).items()
    }


def name_faults(models: object) -> Iterator[Fault]:
    """Find models whose names are taken within their server, whatever is in the section."""
    for name, given in mapping(models).items():
        server = mapping(given)
        if server.get("model") is None and name in mapping(server.get("also")):
            limit = "must have another name than the model that the server has already"
            yield Fault((name, "also", name), limit, name)
