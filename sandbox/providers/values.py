"""Property values as the engine sends them, and as plain Python.

Secrets, outputs and resource references are unwrapped on the way in; an unknown stays the string
`UNKNOWN`. Providers tell the engine that they do not take secrets, so that it marks again as
secret whatever came from a secret input; `secret` marks what only the provider knows to be one.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeGuard, cast

from google.protobuf import struct_pb2

Properties = dict[str, Any]
"""The inputs or outputs of a resource."""

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Stands for a value that is not known before the deployment."""

# https://github.com/pulumi/pulumi/blob/v3.259.0/sdk/go/common/resource/plugin/rpc.go
_UNKNOWN_OF_A_TYPE = {
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
    "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
    "e48ece36-62e2-4504-bad9-02848725956a",  # archive
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
}
# https://github.com/pulumi/pulumi/blob/v3.259.0/sdk/go/common/resource/sig/sig.go
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
_ASSET = "c44067f5952c0a294b673a41bacd8c17"
_ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"


def from_struct(struct: struct_pb2.Struct) -> Properties:
    """Return what the engine sent as plain Python, whole numbers as integers."""
    return {key: _from_value(value) for key, value in sorted(struct.fields.items())}


def to_struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Return properties as the engine takes them."""
    struct = struct_pb2.Struct()
    for key, value in properties.items():
        _fill(struct.fields[key], value)
    return struct


def secret(value: Any) -> Properties:
    """Return a value marked as secret, for the outputs of a provider."""
    return {_SIGNATURE: _SECRET, "value": value}


def nested(properties: Mapping[str, Any], name: str) -> Properties:
    """Return an object within an object; an empty one where there is none."""
    return properties.get(name) or {}


def listed(properties: Mapping[str, Any], name: str) -> list[Any]:
    """Return a list within an object; an empty one where there is none."""
    return properties.get(name) or []


def contains_unknown(value: Any) -> bool:
    """Tell whether a value, or anything within it, is not known yet."""
    if is_mapping(value):
        return any(map(contains_unknown, value.values()))
    if is_list(value):
        return any(map(contains_unknown, value))
    return value == UNKNOWN


def is_mapping(value: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether a value is an object."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Tell whether a value is a list."""
    return isinstance(value, list)


def is_asset(value: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether a value is an asset or an archive."""
    return is_mapping(value) and value.get(_SIGNATURE) in (_ASSET, _ARCHIVE)


def asset_hash(asset: Mapping[str, Any]) -> str:
    """Return the SHA-256 digest that the engine computed, there even when the content is not."""
    return str(asset.get("hash", ""))


def asset_bytes(asset: Mapping[str, Any]) -> bytes:
    """Return what an asset holds, from its text or its file."""
    if path := asset.get("path"):
        return Path(path).read_bytes()
    if "text" in asset:
        return str(asset["text"]).encode()
    raise ValueError(f"an asset must have a path or a text, this one has: {', '.join(asset)}")


def _from_value(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _unwrapped(from_struct(value.struct_value))
        case "list_value":
            return [_from_value(item) for item in value.list_value.values]
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            text = value.string_value
            return UNKNOWN if text in _UNKNOWN_OF_A_TYPE else text
        case "bool_value":
            return value.bool_value
        case _:
            return None


def _unwrapped(properties: Properties) -> Any:
    match properties.get(_SIGNATURE):
        case str(signature) if signature == _SECRET:
            return properties.get("value")
        case str(signature) if signature == _OUTPUT:
            return properties.get("value", UNKNOWN)
        case str(signature) if signature == _RESOURCE:
            return properties.get("id") or properties.get("urn")
        case _:
            return properties


def _fill(field: struct_pb2.Value, value: Any) -> None:
    match value:
        case None:
            field.null_value = struct_pb2.NULL_VALUE
        case bool():
            field.bool_value = value
        case int() | float():
            field.number_value = value
        case str():
            field.string_value = value
        case Mapping():
            field.struct_value.CopyFrom(to_struct(cast("Mapping[str, Any]", value)))
        case Iterable():
            field.list_value.SetInParent()
            for item in cast("Iterable[Any]", value):
                _fill(field.list_value.values.add(), item)
        case _:
            raise TypeError(f"the engine has no value for a {type(value).__name__}")
