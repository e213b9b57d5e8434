"""The JSON Schema of a stack's outputs, for those who read them. `python -m stacks.schema`."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from settings.schema import SchemaOfKeys
from stacks.outputs import StackOutputs


def outputs_schema() -> Mapping[str, Any]:
    """Return the schema of all outputs; later programs of the same contract may add fields."""
    schema = TypeAdapter(StackOutputs).json_schema(
        mode="serialization", schema_generator=SchemaOfKeys
    )
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        **schema,
        "title": "Outputs of a stack of tfserving",
    }


if __name__ == "__main__":
    print(json.dumps(outputs_schema(), indent=2))
