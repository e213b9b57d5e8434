"""Values: what the engine sends comes out as plain Python, and goes back as it came."""

import pytest
from google.protobuf import json_format, struct_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.providers.values import (
    UNKNOWN,
    asset_bytes,
    contains_unknown,
    from_struct,
    is_asset,
    secret,
    to_struct,
)

SIGNATURE = "4dabf18193072939515e22adb298388d"
ASSET = "c44067f5952c0a294b673a41bacd8c17"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def sent(properties: object) -> struct_pb2.Struct:
    return json_format.ParseDict(properties, struct_pb2.Struct())


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(), plain))
def test_plain_values_come_back_as_they_went(properties):
    assert from_struct(to_struct(properties)) == properties


def test_whole_numbers_are_integers_and_others_are_not():
    values = from_struct(sent({"count": 3, "share": 0.5}))

    assert {key: type(value) for key, value in values.items()} == {"count": int, "share": float}


def test_secrets_and_outputs_and_resources_are_unwrapped():
    values = from_struct(
        sent(
            {
                "secret": secret({"nested": secret("s")}),
                "output": {SIGNATURE: OUTPUT, "value": 1, "secret": True, "dependencies": ["u"]},
                "resource": {SIGNATURE: RESOURCE, "urn": "urn:x", "id": "vpc-1"},
                "component": {SIGNATURE: RESOURCE, "urn": "urn:x"},
            }
        )
    )

    assert values == {
        "secret": {"nested": "s"},
        "output": 1,
        "resource": "vpc-1",
        "component": "urn:x",
    }


@pytest.mark.parametrize(
    "value",
    [UNKNOWN, "dd056dcd-154b-4c76-9bd3-c8f88648b5ff", {SIGNATURE: OUTPUT, "dependencies": []}],
)
def test_whatever_is_not_known_yet_is_one_sentinel(value):
    assert from_struct(sent({"x": [value]})) == {"x": [UNKNOWN]}


@pytest.mark.parametrize(
    ("value", "unknown"),
    [({"a": [1, {"b": UNKNOWN}]}, True), ({"a": [1, {"b": "c"}]}, False), (UNKNOWN, True)],
)
def test_an_unknown_is_found_at_any_depth(value, unknown):
    assert contains_unknown(value) is unknown


def test_an_asset_keeps_its_form_and_gives_its_content(tmp_path):
    (tmp_path / "file").write_bytes(b"\0\1")
    values = from_struct(
        sent(
            {
                "text": {SIGNATURE: ASSET, "hash": "h", "text": "hello"},
                "file": {SIGNATURE: ASSET, "hash": "h", "path": str(tmp_path / "file")},
            }
        )
    )

    assert all(map(is_asset, values.values()))
    assert asset_bytes(values["text"]) == b"hello"
    assert asset_bytes(values["file"]) == b"\0\1"


def test_an_asset_without_content_is_refused():
    with pytest.raises(ValueError, match="must have a path or a text"):
        asset_bytes({SIGNATURE: ASSET, "uri": "https://example.com"})


def test_what_has_no_value_in_the_protocol_is_refused():
    with pytest.raises(TypeError, match="object"):
        to_struct({"x": object()})
