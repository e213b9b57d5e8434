"""The schema of outputs: fresh, and true of what the program exports and of what it reads."""

import json

from jsonschema import Draft202012Validator

from stacks.schema import outputs_schema
from tests.unit.stack_files import ROOT
from tests.unit.stacks.platforms import outputs

FILE = ROOT / "docs" / "schemas" / "outputs.schema.json"


def is_valid(given: object) -> bool:
    return Draft202012Validator(json.loads(FILE.read_text())).is_valid(given)


def test_it_is_what_the_types_say():
    written = json.loads(FILE.read_text())

    Draft202012Validator.check_schema(written)
    assert written == json.loads(json.dumps(outputs_schema())), "run `make schemas`"


def test_every_field_is_required_and_more_are_allowed():
    assert is_valid(outputs())
    assert is_valid(outputs(later="a field more"))
    for name in outputs():
        assert not is_valid({key: value for key, value in outputs().items() if key != name})


def test_a_field_of_another_type_is_not_valid():
    assert not is_valid(outputs(model_bucket=None))
    assert not is_valid(outputs(models={"resnet": {}}))


def test_a_reader_is_told_what_a_field_means():
    schema = outputs_schema()

    assert schema["properties"]["kubeconfig"]["description"] == "A secret."
    assert "description" in schema["$defs"]["ServedModel"]["properties"]["rest_url"]
