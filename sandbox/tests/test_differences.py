"""Differences: the paths that changed, as Pulumi writes them, and what they replace."""

import pytest

from sandbox.providers.differences import Difference, formatted, parsed

ASSET = {"4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17"}


def changes(old: object, new: object) -> dict[str, str]:
    difference = Difference.between({"x": old}, {"x": new})
    return {formatted(path): change for path, change in difference.changes.items()}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": 2}, {"x.a": "update"}),
        ({}, {"a.b/c": 2}, {'x["a.b/c"]': "add"}),
        ({"a": None}, {}, {"x.a": "delete"}),
        ([1, {"b": 2}], [1, {"b": 3}, 4], {"x[1].b": "update", "x[2]": "add"}),
        ({"a": 1}, [1], {"x": "update"}),
        ({**ASSET, "hash": "1"}, {**ASSET, "hash": "1", "path": "p"}, {}),
        ({**ASSET, "hash": "1"}, {**ASSET, "hash": "2"}, {"x": "update"}),
    ],
)
def test_each_change_is_told_by_its_path(old, new, expected):
    assert changes(old, new) == expected


@pytest.mark.parametrize("path", ["spec.replicas", 'metadata.labels["a.b/c"]', "ports[0].name"])
def test_a_path_is_read_as_it_is_written(path):
    assert formatted(parsed(path)) == path


@pytest.mark.parametrize(
    ("immutable", "replacing"),
    [
        ("spec.selector", True),
        ("spec", True),
        ("spec.selector.a.b", True),
        ("spec.other", False),
        ("selector", False),
    ],
)
def test_a_change_at_or_around_an_immutable_path_replaces(immutable, replacing):
    difference = Difference.between(
        {"spec": {"selector": {"a": 1}}},
        {"spec": {"selector": {"a": 2}}},
        immutable=[immutable],
        delete_before_replace=True,
    )

    assert bool(difference.replacing) is replacing
    assert difference.delete_before_replace is replacing


@pytest.mark.parametrize(
    ("section", "replacing"),
    [
        ({"private": True}, False),
        ({"private": True, "range": "pods"}, True),
        ({"ranges": [{"name": "a", "range": "b"}]}, True),
        ({"ranges": [{"name": "a"}]}, False),
    ],
)
def test_a_section_that_comes_or_goes_replaces_by_what_it_has(section, replacing):
    immutable = ["network.range", "network.ranges.range"]
    whole = {"network": section}

    for old, new in (({}, whole), (whole, {})):
        difference = Difference.between(old, new, immutable=immutable)

        assert list(map(formatted, difference.changes)) == ["network"]
        assert bool(difference.replacing) is replacing
    assert Difference.between({}, whole, immutable=["network"]).replacing == [("network",)]


def test_an_immutable_path_says_nothing_of_indices():
    difference = Difference.between(
        {"containers": [{"image": "a"}]},
        {"containers": [{"image": "b"}]},
        immutable=["containers.image"],
    )

    assert list(map(formatted, difference.replacing)) == ["containers[0].image"]
