"""The JSON Schema of a stack file, by which an editor completes keys and marks wrong ones.

It knows keys, types and choices. What else the program asks of a file, it tells when it runs.
`python -m settings.schema` prints it.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from settings import sections
from settings.serving_profiles import serving_profiles

_SECTIONS: Mapping[str, TypeAdapter[Any]] = {
    "aws:region": TypeAdapter(str),
    "gcp:project": TypeAdapter(str),
    "tfserving:platform": sections.PLATFORM,
    "tfserving:models": sections.MODELS,
    "tfserving:namespaces": sections.NAMESPACES,
}
_PROFILE = "tfserving:serving_profile"
_OF_PROVIDERS = ("region", "project")
"""Fields of a platform that are the values of `aws:region` and `gcp:project`."""
_REQUIRED_BY: Mapping[str, str] = {"eks": "aws:region", "gke": "gcp:project"}
# A profile may give them, and then they are not missing. The program tells where they are.
_OF_PROFILES = ("machine_type", "replicas", "requests", "limits")
# https://www.pulumi.com/docs/iac/concepts/projects/stack-settings-file/
_OF_PULUMI = ("encryptedkey", "encryptionsalt", "environment", "secretsprovider")


class SchemaOfKeys(GenerateJsonSchema):
    """Schemas without titles, which would say each key a second time."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - of its base
        """Tell that a field has no title."""
        return False

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        """Return the schema of text, for which some fields take a number."""
        made = super().str_schema(schema)
        return {**made, "type": ["string", "number"]} if _takes_numbers(schema) else made


def _takes_numbers(schema: core_schema.StringSchema) -> bool:
    return bool(schema.get("coerce_numbers_to_str"))


def settings_schema() -> Mapping[str, Any]:
    """Return the schema of a whole `Pulumi.<stack>.yaml`."""
    shown, found = TypeAdapter.json_schemas(
        [(key, "validation", adapter) for key, adapter in _SECTIONS.items()],
        schema_generator=SchemaOfKeys,
    )
    shapes: dict[str, Any] = found["$defs"]
    for shape in shapes.values():
        keys: dict[str, Any] = shape.get("properties", {})
        others = (*_OF_PROVIDERS, *(_OF_PROFILES if _is_profiled(keys) else ()))
        required = [key for key in shape.get("required", ()) if key not in others]
        if "kind" in keys:
            for name in _OF_PROVIDERS:
                keys.pop(name, None)
        if "required" in shape:
            shape["required"] = required
        if "const" in keys.get("kind", {}) and "kind" not in required:
            shape["required"] = [*required, "kind"]  # which shape it is, has to be said
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "Pulumi.<stack>.yaml of tfserving",
        "description": "An environment: a platform, and the models that are served on it.",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": {
                    **{key: schema for (key, _), schema in shown.items()},
                    _PROFILE: {"enum": [*serving_profiles()]},
                },
                "patternProperties": {"^(?!tfserving:)[^:]+:": True},
                "required": ["tfserving:platform"],
                "allOf": [_required_by(kind, key) for kind, key in _REQUIRED_BY.items()],
                "additionalProperties": False,
            },
            **dict.fromkeys(_OF_PULUMI, True),
        },
        "required": ["config"],
        "additionalProperties": False,
        "$defs": shapes,
    }


def _is_profiled(keys: Mapping[str, Any]) -> bool:
    """Tell whether a shape is a pool or a model, of which a profile gives a part."""
    return "machine_type" in keys or "startup_seconds" in keys


def _required_by(kind: str, key: str) -> Mapping[str, Any]:
    platform = {"properties": {"kind": {"const": kind}}, "required": ["kind"]}
    return {
        "if": {"properties": {"tfserving:platform": platform}},
        "then": {"required": [key]},
    }


if __name__ == "__main__":
    print(json.dumps(settings_schema(), indent=2))
