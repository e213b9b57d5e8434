"""The values that the installed SDK lists for a property in its description, of every type.

The provider refuses any other; the SDK's own types say no more than that they are strings.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from pulumi import _types as pulumi_types  # pyright: ignore[reportPrivateUsage] - no public twin

from sandbox.providers import sdk_schema
from sandbox.providers.checks import one_of
from sandbox.providers.plugin import Failure
from sandbox.providers.resource_type import Inputs

_VALUE = r"[`\"]+(\w+)[`\"]+"
_LISTED = re.compile(
    r"(?:Accept\w+|Available|Possible|Supported|Valid) (?:values|options)(?: are| include)?:? "
    rf"((?:{_VALUE}(?:,? and |,? or |, )?)+)(?:\.|$)"
)
_POINT = re.compile(r"\* `?([A-Z][A-Z0-9_]+)\b")
NOT_ALL: Mapping[tuple[str, str], str] = {
    ("gcp:container/cluster:Cluster", "addonsConfig.istioConfig.auth"): "it has a default too",
    ("gcp:container/cluster:Cluster", "loggingConfig.enableComponents.*"): "GKE's API lists more",
    ("gcp:container/cluster:Cluster", "securityPostureConfig.mode"): "the provider takes more",
    ("gcp:container/cluster:Cluster", "securityPostureConfig.vulnerabilityMode"): "likewise",
    ("gcp:storage/bucketObject:BucketObject", "storageClass"): "it leaves out the default",
}
"""Lists that are not whole, and why not."""

_NESTED = re.compile(r"ForwardRef\('(\w+Args)'")


def faults(token: str, inputs: Inputs) -> Iterator[Failure]:
    """Find values that the SDK does not list."""
    for path, values in choices(token).items():
        yield from one_of(path, values, "as the SDK's description of it lists them")(inputs)


@cache
def choices(token: str) -> Mapping[str, Sequence[str]]:
    """Return the values of each enumerated property of a type, by its path."""
    found = listed(token).items()
    return {path: values for path, values in found if (token, path) not in NOT_ALL}


def listed(token: str) -> Mapping[str, Sequence[str]]:
    """Return every list of a type, whole or not."""
    return dict(_listed(sdk_schema.args_class(token), "", ()))


def _listed(args: type, at: str, within: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    names = pulumi_types.input_type_py_to_pulumi_names(args)
    for name, member in vars(args).items():
        if not isinstance(member, property):
            continue
        getter: Any = member.fget
        hint = str(getter.__annotations__["return"])
        path = f"{at}{names[name]}{'.*' if 'Sequence' in hint else ''}"
        if values := _values(" ".join((getter.__doc__ or "").split())):
            yield path, values
        for nested in set(_NESTED.findall(hint)) - set(within):
            section = vars(sys.modules[args.__module__])[nested]
            yield from _listed(section, f"{path}.", (*within, nested))


def _values(description: str) -> Sequence[str]:
    if found := _LISTED.search(description):
        return re.findall(_VALUE, found[1])
    points = _POINT.findall(description)
    return points if len(points) > 1 else ()
