"""What a resource's properties may be, read from the installed Pulumi SDK.

The SDK's classes are generated from the provider's own schema, so a property that they do not
have is one that the real provider does not have either.
"""

import difflib
import importlib
import sys
import typing
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from inspect import Parameter, signature
from typing import Any, Literal, NamedTuple, TypeVar, Union, cast, get_args, get_origin

import pulumi
from pulumi import _types as pulumi_types  # pyright: ignore[reportPrivateUsage] - no public twin

from sandbox.providers.plugin import Failure
from sandbox.providers.values import UNKNOWN

_T = TypeVar("_T")
_PLAIN: Mapping[type, str] = {
    str: "a string",
    bool: "a boolean",
    int: "a whole number",
    float: "a number",
}
_ACCEPTED: Mapping[type, tuple[type, ...]] = {
    **{plain: (plain,) for plain in _PLAIN},
    float: (float, int),
}
_ASSETS = (pulumi.Asset, pulumi.Archive)


class _Property(NamedTuple):
    hint: Any
    required: bool


def resource_class(token: str) -> type[pulumi.Resource]:
    """Return the SDK's class of a type token such as `aws:ec2/vpc:Vpc`.

    Raises:
        LookupError: the installed SDK has no such type.
    """
    package, module, name = token.split(":")
    path = module.split("/")[0]
    if package == "kubernetes":  # helm.sh/v3 is the module helm.v3, where ec2/vpc is ec2
        path = f"{path.split('.')[0]}.{module.split('/')[1]}"
    try:
        found = importlib.import_module(f"pulumi_{package}.{path}")
        return getattr(found, name)
    except (ImportError, AttributeError):
        raise LookupError(f"the installed pulumi-{package} has no resource type {token}") from None


@cache
def output_names(token: str) -> frozenset[str]:
    """Return the names of every property that a resource of the type has once it exists."""
    names = pulumi_types.resource_py_to_pulumi_names(resource_class(token))
    return frozenset(names.values()) - {"id", "urn"}


def args_class(token: str) -> type:
    """Return the SDK's class of what a resource of the type is given."""
    resource = resource_class(token)
    module = vars(sys.modules[resource.__module__])
    # XInitArgs where some other resource has a nested type that is called XArgs.
    return module.get(f"{resource.__name__}InitArgs") or module[f"{resource.__name__}Args"]


def faults(token: str, properties: Mapping[str, Any]) -> Iterator[Failure]:
    """Yield every unknown, missing and wrongly typed property of a resource."""
    yield from _object_faults(args_class(token), properties, "")


@cache
def required_names(token: str) -> frozenset[str]:
    """Return the names of the properties that the SDK makes everybody give."""
    properties = _properties(args_class(token))
    return frozenset(name for name, expected in properties.items() if expected.required)


@cache
def _properties(args: type) -> Mapping[str, _Property]:
    module = vars(sys.modules[args.__module__])
    hints = typing.get_type_hints(args.__init__, module, {"Output": pulumi.Output, "T": _T})
    names = pulumi_types.input_type_py_to_pulumi_names(args)
    return {
        names.get(name, name): _Property(hints[name], parameter.default is Parameter.empty)
        for name, parameter in signature(args.__init__).parameters.items()
        if name in hints
    }


def _object_faults(args: type, properties: Mapping[str, Any], at: str) -> Iterator[Failure]:
    known = _properties(args)
    for name, value in properties.items():
        if name.startswith("__"):
            continue
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            yield Failure(f"{at}{name}", f"{name} is no property of {args.__name__[:-4]}{hint}")
        elif value is not None:
            yield from _value_faults(known[name].hint, value, f"{at}{name}")
    for name, expected in known.items():
        if expected.required and properties.get(name) is None:
            yield Failure(f"{at}{name}", f"{name} is required and was not given")


def _value_faults(hint: Any, value: Any, at: str) -> Iterator[Failure]:
    if value == UNKNOWN or hint is Any:
        return
    choices = [list(_value_faults_of_one(choice, value, at)) for choice in _choices(hint)]
    if choices and all(choices):
        yield from choices[0]


def _choices(hint: Any) -> list[Any]:
    if get_origin(hint) is Union:
        flat = [choice for part in get_args(hint) for choice in _choices(part)]
        # A string that may also be an enumeration's member may be any string.
        return flat or [Any]
    if hint is type(None) or get_origin(hint) in (Awaitable, pulumi.Output):
        return []
    return [hint]


def _value_faults_of_one(hint: Any, value: Any, at: str) -> Iterator[Failure]:
    expected = ""
    if get_origin(hint) is Sequence and isinstance(value, list):
        for index, item in enumerate(cast(list[Any], value)):
            yield from _value_faults(get_args(hint)[0], item, f"{at}[{index}]")
    elif get_origin(hint) is Mapping and isinstance(value, dict):
        for key, item in cast(dict[str, Any], value).items():
            yield from _value_faults(get_args(hint)[1], item, f"{at}.{key}")
    elif get_origin(hint) in (Sequence, Mapping):
        expected = "a list" if get_origin(hint) is Sequence else "a map"
    elif get_origin(hint) is Literal:
        expected = "" if value in get_args(hint) else f"one of {', '.join(get_args(hint))}"
    elif hint is Any or issubclass(hint, pulumi.Resource):
        return
    elif hint in _PLAIN:
        expected = "" if type(value) in _ACCEPTED[hint] else _PLAIN[hint]
    elif issubclass(hint, Enum):
        members = [str(member.value) for member in hint]
        expected = "" if str(value) in members else f"one of {', '.join(members)}"
    elif not isinstance(value, dict):
        expected = "an asset" if issubclass(hint, _ASSETS) else "an object"
    elif not issubclass(hint, _ASSETS):
        yield from _object_faults(hint, cast(dict[str, Any], value), f"{at}.")
    if expected:
        yield Failure(at, f"expected {expected}, got {value!r}")
