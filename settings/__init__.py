"""Stack settings: the one place where untyped Pulumi config becomes typed data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret
from pydantic import TypeAdapter, ValidationError

from components.kubernetes.serving_namespace import ServingNamespaceSpec
from components.spec import Fault
from settings.capacity import capacity_faults
from settings.exposure import exposure_faults
from settings.faults import fault_line, fault_lines
from settings.models import ModelSettings, name_faults
from settings.names import DnsLabel
from settings.namespaces import namespace_faults
from settings.platform import EksSettings, PlatformSettings, SharedSettings
from settings.secrets import HIDDEN, SECRET_RULE, hide

__all__ = [
    "EksSettings",
    "ModelSettings",
    "PlatformSettings",
    "Settings",
    "SharedSettings",
    "load",
]

_PLATFORM, _MODELS, _REGION = "tfserving:platform", "tfserving:models", "aws:region"
_NAMESPACES = "tfserving:namespaces"
_SECTIONS = (_PLATFORM, _MODELS, _NAMESPACES)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One environment: a platform and the models on it."""

    platform: PlatformSettings
    models: Mapping[str, ModelSettings]
    namespaces: Mapping[str, ServingNamespaceSpec] = field(
        default_factory=dict[str, ServingNamespaceSpec]
    )


def load() -> Settings:
    """Return the selected stack's settings, or stop the program naming every fault."""
    if encrypted := [*_encrypted_sections()]:  # nothing of them may be told
        raise _refusal(encrypted)
    faults = [*_secrets(), *_unknown_keys()]
    platform = _platform(faults)
    models = _models(faults)
    namespaces = _namespaces(faults)
    _across_sections(faults)
    if platform is None or faults:
        # What else is wrong with a secret is no matter.
        raise _refusal([line for line in faults if not line.endswith(f'; got "{HIDDEN}"')])
    return Settings(platform=platform, models=models, namespaces=namespaces)


def _refusal(faults: list[str]) -> pulumi.RunError:
    count = f"{len(faults)} fault{'s' * (len(faults) > 1)}"
    title = f"Pulumi.{pulumi.get_stack()}.yaml has {count}:"
    return pulumi.RunError("\n  ".join([title, *faults]))


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


def _namespaces(faults: list[str]) -> Mapping[str, ServingNamespaceSpec]:
    given = _given(_NAMESPACES)
    faults += [_line(_NAMESPACES, fault) for fault in namespace_faults(given, _given(_MODELS))]
    try:
        return TypeAdapter(Mapping[DnsLabel, ServingNamespaceSpec]).validate_python(given or {})
    except ValidationError as error:
        faults += fault_lines(_NAMESPACES, given, error)
        return {}


def _across_sections(faults: list[str]) -> None:
    platform, models = _given(_PLATFORM), _given(_MODELS)
    for fault in (*name_faults(models), *exposure_faults(platform, models, _given(_REGION))):
        faults.append(_line(_MODELS, fault))
    found = capacity_faults(platform, models)
    for section, broken in ((_PLATFORM, found.platform), (_MODELS, found.models)):
        faults += [_line(section, fault) for fault in broken]
    if pulumi.runtime.is_dry_run():  # the deployment after a preview runs this again
        for fault in found.warnings:
            pulumi.warn(_line(_MODELS, fault))


def _line(section: str, fault: Fault) -> str:
    return fault_line(".".join(map(str, (section, *fault.path))), fault.rule, fault.given)


def _given(key: str) -> Any:
    """Return the value of a config key as it is in the file, but for secrets."""
    return hide(key, _raw(key)).shown


def _raw(key: str) -> Any:
    namespace, name = key.split(":", 1)
    config = pulumi.Config(namespace)
    try:
        return config.get_object(name)
    except pulumi.ConfigTypeError:  # no JSON: plain text
        return config.get(name)


def _encrypted_sections() -> Iterator[str]:
    for key in filter(is_config_secret, _SECTIONS):
        rule = "must not hold encrypted values: what it says is told to everybody"
        yield fault_line(key, rule)


def _secrets() -> Iterator[str]:
    for key in _config():
        if not is_config_secret(key):
            yield from (fault_line(path, SECRET_RULE) for path in hide(key, _raw(key)).paths)


def _unknown_keys() -> Iterator[str]:
    # pulumi.Config answers for known keys only, so a misspelt one would go unnoticed.
    for key in _config():
        if key.startswith("tfserving:") and key not in _SECTIONS:
            yield fault_line(key, "is not a known key", _given(key))


def _config() -> Mapping[str, Any]:
    return {**get_config_env(), **CONFIG.get()}
