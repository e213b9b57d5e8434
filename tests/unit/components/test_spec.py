"""Spec: made in Python or read from YAML, it names every invariant that does not hold."""

from collections.abc import Iterator
from dataclasses import FrozenInstanceError, dataclass

import pytest
from pydantic import TypeAdapter, ValidationError

from components.spec import Fault, Spec, SpecError, rule


@dataclass(frozen=True, kw_only=True)
class Inner(Spec):
    size: int
    colour: str = "red"

    @rule
    def _size_is_even(self) -> Iterator[Fault]:
        if self.size % 2:
            yield Fault(("size",), "must be even {really}", self.size)


@dataclass(frozen=True, kw_only=True)
class Outer(Spec):
    inner: Inner
    name: str
    limit: int = 10

    @rule
    def _name_is_short(self) -> Iterator[Fault]:
        if len(self.name) > 3:
            yield Fault(("name",), "must be short", self.name)

    @rule
    def _size_is_below_the_limit(self) -> Iterator[Fault]:
        if self.inner.size > self.limit:
            yield Fault(("inner", "size"), f"must be at most {self.limit}", self.inner.size)


def faults_of(given: object) -> set[tuple[str, str]]:
    with pytest.raises(ValidationError) as refusal:
        TypeAdapter(Outer).validate_python(given)
    return {(".".join(map(str, e["loc"])), e["msg"]) for e in refusal.value.errors()}


def test_a_sound_one_is_what_was_given():
    read = TypeAdapter(Outer).validate_python({"inner": {"size": 2}, "name": "abc"})

    assert read == Outer(inner=Inner(size=2, colour="red"), name="abc", limit=10)


def test_it_is_frozen():
    with pytest.raises(FrozenInstanceError):
        Inner(size=2).size = 4  # type: ignore[misc]


def test_made_in_python_it_raises_every_fault_at_once():
    with pytest.raises(SpecError) as refusal:
        Outer(inner=Inner(size=12), name="long name")

    assert str(refusal.value) == (
        "name: must be short, got 'long name'; inner.size: must be at most 10, got 12"
    )


def test_faults_of_a_spec_and_of_one_inside_are_told_together():
    assert faults_of({"inner": {"size": 11}, "name": "long"}) == {
        ("inner.size", "must be even {really}"),
        ("inner.size", "must be at most 10"),
        ("name", "must be short"),
    }


def test_a_wrong_field_does_not_hide_rules_about_the_others():
    assert faults_of({"inner": {"size": 12, "colour": 7}, "name": "long", "x": 1}) == {
        ("inner.colour", "Input should be a valid string"),
        ("x", "Unexpected keyword argument"),
        ("name", "must be short"),
        ("inner.size", "must be at most 10"),
    }


def test_rules_about_a_wrong_or_missing_field_are_passed_over():
    assert {key for key, _ in faults_of({"inner": {"size": "x"}})} == {"inner.size", "name"}
    assert {key for key, _ in faults_of({"inner": 3, "name": "a"})} == {"inner"}


def test_rules_are_inherited():
    @dataclass(frozen=True, kw_only=True)
    class Special(Inner):
        pass

    with pytest.raises(SpecError, match="size: must be even"):
        Special(size=1)


def test_a_mistake_in_a_rule_is_not_swallowed():
    @dataclass(frozen=True, kw_only=True)
    class Broken(Spec):
        @rule
        def _typo(self) -> Iterator[Fault]:
            yield self.no_such_field  # type: ignore[attr-defined]

    with pytest.raises(AttributeError):
        Broken()
