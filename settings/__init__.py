"""Stack settings: the one place where untyped Pulumi config becomes typed data."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret
from pydantic import ValidationError

from components.kubernetes.serving_namespace import ServingNamespaceSpec
from components.spec import Fault
from settings import sections
from settings.capacity import capacity_faults
from settings.exposure import exposure_faults
from settings.faults import fault_line, fault_lines
from settings.gke import GkeSettings
from settings.images import image_faults
from settings.models import ModelSettings, name_faults
from settings.namespaces import namespace_faults
from settings.platform import EksSettings, PlatformSettings, SharedSettings
from settings.secrets import HIDDEN, SECRET_RULE, hide
from settings.serving_profiles import profile_faults, with_profile

__all__ = [
    "EksSettings",
    "GkeSettings",
    "ModelSettings",
    "PlatformSettings",
    "Settings",
    "SharedSettings",
    "load",
    "refusal",
]

_PLATFORM, _MODELS = "tfserving:platform", "tfserving:models"
_NAMESPACES, _PROFILE = "tfserving:namespaces", "tfserving:serving_profile"
_SECTIONS = (_PLATFORM, _MODELS, _NAMESPACES, _PROFILE)
_REGION, _PROJECT = "aws:region", "gcp:project"
# What providers are told is told once: a field of the platform, and the kinds that have it.
_OF_PROVIDERS: Mapping[str, tuple[str, Container[object]]] = {
    "region": (_REGION, ("eks", "shared")),
    "project": (_PROJECT, ("gke", "shared")),
}


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
        raise refusal(encrypted)
    profile, given_platform = _given(_PROFILE), _given(_PLATFORM)
    faults = [*_secrets(), *_unknown_keys()]
    faults += [_line(_PROFILE, fault) for fault in profile_faults(profile, given_platform)]
    given_platform, given_models = with_profile(profile, given_platform, _given(_MODELS))
    platform = _platform(given_platform, faults)
    models = _models(given_models, faults)
    namespaces = _namespaces(faults)
    _across_sections(given_platform, given_models, faults)
    if platform is None or faults:
        # What else is wrong with a secret is no matter.
        raise refusal([line for line in faults if not line.endswith(f'; got "{HIDDEN}"')])
    if isinstance(platform, GkeSettings):
        _warn(_PLATFORM, platform.warnings)
    return Settings(platform=platform, models=models, namespaces=namespaces)


def refusal(faults: Sequence[str]) -> pulumi.RunError:
    """Return what stops the program, with every fault of the stack's file on a line of its own."""
    count = f"{len(faults)} fault{'s' * (len(faults) > 1)}"
    title = f"Pulumi.{pulumi.get_stack()}.yaml has {count}:"
    return pulumi.RunError("\n  ".join([title, *faults]))


def _platform(given: Any, faults: list[str]) -> PlatformSettings | None:
    if given is None:
        faults.append(fault_line(_PLATFORM, "is required"))
        return None
    if isinstance(given, dict):
        given = {**cast(dict[str, Any], given)}
        for name, (key, kinds) in _OF_PROVIDERS.items():
            if given.pop(name, None) is not None:
                faults.append(fault_line(f"{_PLATFORM}.{name}", f"is not a known key, {key} is"))
            if given.get("kind") in kinds and (value := _given(key)):
                given[name] = value
    try:
        return sections.PLATFORM.validate_python(given)
    except ValidationError as error:
        faults += [_of_provider(line) for line in fault_lines(_PLATFORM, given, error)]
        return None


def _of_provider(line: str) -> str:
    """Return a fault of the platform, by the key that its value is of."""
    for name, (key, _) in _OF_PROVIDERS.items():
        if line.startswith(f"{_PLATFORM}.{name}:"):
            return line.replace(f"{_PLATFORM}.{name}", key, 1)
    return line


def _models(given: Any, faults: list[str]) -> Mapping[str, ModelSettings]:
    try:
        return sections.MODELS.validate_python(given or {})
    except ValidationError as error:
        faults += fault_lines(_MODELS, given, error)
        return {}


def _namespaces(faults: list[str]) -> Mapping[str, ServingNamespaceSpec]:
    given = _given(_NAMESPACES)
    faults += [_line(_NAMESPACES, fault) for fault in namespace_faults(given, _given(_MODELS))]
    try:
        return sections.NAMESPACES.validate_python(given or {})
    except ValidationError as error:
        faults += fault_lines(_NAMESPACES, given, error)
        return {}


def _across_sections(platform: Any, models: Any, faults: list[str]) -> None:
    exposed = exposure_faults(platform, models, _given(_REGION), _given(_PROJECT))
    images = image_faults(platform, models)
    faults += [_line(_MODELS, fault) for fault in (*name_faults(models), *exposed, *images)]
    found = capacity_faults(platform, models)
    for section, broken in ((_PLATFORM, found.platform), (_MODELS, found.models)):
        faults += [_line(section, fault) for fault in broken]
    _warn(_MODELS, found.warnings)


def _warn(section: str, doubts: Iterable[Fault]) -> None:
    if pulumi.runtime.is_dry_run():  # the deployment after a preview runs this again
        for each in doubts:
            pulumi.warn(_line(section, each))


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
