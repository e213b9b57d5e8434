"""Stack settings: the one place where untyped Pulumi config becomes typed data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env
from pydantic import TypeAdapter, ValidationError

from components.spec import Fault
from settings.capacity import capacity_faults
from settings.faults import fault_line, fault_lines
from settings.models import ModelSettings
from settings.names import DnsLabel
from settings.platform import EksSettings, PlatformSettings

__all__ = ["EksSettings", "ModelSettings", "PlatformSettings", "Settings", "load"]

_PLATFORM, _MODELS, _REGION = "tfserving:platform", "tfserving:models", "aws:region"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One environment: a platform and the models on it."""

    platform: PlatformSettings
    models: Mapping[str, ModelSettings]


def load() -> Settings:
    """Return the selected stack's settings, or stop the program naming every fault."""
    faults = [*_unknown_keys()]
    platform = _platform(faults)
    models = _models(faults)
    _capacity(faults)
    if platform is None or faults:
        count = f"{len(faults)} fault{'s' * (len(faults) > 1)}"
        title = f"Pulumi.{pulumi.get_stack()}.yaml has {count}:"
        raise pulumi.RunError("\n  ".join([title, *faults]))
    return Settings(platform=platform, models=models)


def _platform(faults: list[str]) -> PlatformSettings | None:
    given = _given(_PLATFORM)
    if given is None:
        faults.append(fault_line(_PLATFORM, "is required"))
        return None
    if isinstance(given, dict):
        if "region" in given:
            faults.append(fault_line(f"{_PLATFORM}.region", f"is not a known key, {_REGION} is"))
        given = {**cast(dict[str, Any], given)}
        given.pop("region", None)
        if region := _given(_REGION):
            given["region"] = region
    try:
        return TypeAdapter(PlatformSettings).validate_python(given)
    except ValidationError as error:
        lines = fault_lines(_PLATFORM, given, error)
        faults += [line.replace(f"{_PLATFORM}.region:", f"{_REGION}:", 1) for line in lines]
        return None


def _models(faults: list[str]) -> Mapping[str, ModelSettings]:
    given = _given(_MODELS)
    try:
        return TypeAdapter(Mapping[DnsLabel, ModelSettings]).validate_python(given or {})
    except ValidationError as error:
        faults += fault_lines(_MODELS, given, error)
        return {}


def _capacity(faults: list[str]) -> None:
    found = capacity_faults(_given(_PLATFORM), _given(_MODELS))
    for section, broken in ((_PLATFORM, found.platform), (_MODELS, found.models)):
        faults += [_line(section, fault) for fault in broken]
    if pulumi.runtime.is_dry_run():  # the deployment after a preview runs this again
        for fault in found.warnings:
            pulumi.warn(_line(_MODELS, fault))


def _line(section: str, fault: Fault) -> str:
    return fault_line(".".join(map(str, (section, *fault.path))), fault.rule, fault.given)


def _given(key: str) -> Any:
    """Return the value of a config key as it is in the file."""
    namespace, name = key.split(":")
    config = pulumi.Config(namespace)
    try:
        return config.get_object(name)
    except pulumi.ConfigTypeError:  # no JSON: plain text
        return config.get(name)


def _unknown_keys() -> Iterator[str]:
    # pulumi.Config answers for known keys only, so a misspelt one would go unnoticed.
    for key, value in {**get_config_env(), **CONFIG.get()}.items():
        if key.startswith("tfserving:") and key not in (_PLATFORM, _MODELS):
            yield fault_line(key, "is not a known key", value)
