"""Specs: plain data that knows its own invariants and names every one that is broken."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from functools import cache
from typing import Annotated, Any, ClassVar, Self, cast, get_args, get_origin, get_type_hints

from pydantic import (
    ConfigDict,
    Discriminator,
    GetCoreSchemaHandler,
    Tag,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import CoreSchema, ErrorDetails, InitErrorDetails, PydanticCustomError
from pydantic_core.core_schema import ValidatorFunctionWrapHandler, no_info_wrap_validator_function


@dataclass(frozen=True)
class Fault:
    """A rule that a value breaks; the path is relative to the spec that has the rule."""

    path: tuple[str | int, ...]
    rule: str
    given: object

    def below(self, *path: str | int) -> "Fault":
        """Return the same fault as a spec around this one sees it."""
        return replace(self, path=(*path, *self.path))

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path))}: {self.rule}, got {self.given!r}"


class SpecError(ValueError):
    """Every fault of a spec at once."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults


class rule:  # noqa: N801 - reads as the decorator it is
    """Mark a method of a spec as one invariant; it yields the faults that it finds."""

    def __init__(self, check: Callable[[Any], Iterable[Fault]]) -> None:
        self.check = check
        self.__doc__ = check.__doc__


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Frozen, plain data. Making one whose invariants do not hold raises `SpecError`.

    Read from YAML (by pydantic), a spec also refuses unknown keys, and checks each invariant whose
    own fields are sound, so that one wrong field does not hide what is wrong with the others.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    def __post_init__(self) -> None:
        if faults := [fault for each in _rules(type(self)) for fault in each.check(self)]:
            raise SpecError(faults)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def validate(given: Any, inner: ValidatorFunctionWrapHandler) -> Self:
            try:
                return inner(given)
            except ValidationError as error:
                found = error.errors(include_url=False)
                details = [_as_init_details(each) for each in found if not _spec_error(each)]
                known = {(_without_marks(each["loc"]), each["msg"]) for each in found}
                broken = [*_faults_within(found)]
                if isinstance(given, Mapping):
                    partial = cls.of_sound_fields(cast(Mapping[str, Any], given))
                    broken += _faults_of_sound_fields(partial)
                # Pydantic does not call this function for each spec that is in another.
                new = {(_without_marks(fault.path), fault.rule): fault for fault in broken}
                details += [_broken(fault) for at, fault in new.items() if at not in known]
                raise ValidationError.from_exception_data(cls.__name__, details) from None

        return no_info_wrap_validator_function(validate, handler(source))

    @classmethod
    def of_sound_fields(cls, given: Mapping[str, Any]) -> Self:
        """Return a spec without the fields that are wrong; nested specs are treated likewise."""
        spec = object.__new__(cls)
        types = _field_types(cls)
        for field in fields(cls):
            value = given.get(field.name, field.default)
            if value is MISSING and field.default_factory is not MISSING:
                value = field.default_factory()
            try:
                sound = _adapter(cls, field.name).validate_python(value)
            except ValidationError:
                if (inner := _spec_of(types[field.name], value)) is None:
                    continue
                sound = inner.of_sound_fields(cast(Mapping[str, Any], value))
            object.__setattr__(spec, field.name, sound)
        return spec


def _faults_of_sound_fields(spec: Spec) -> Iterator[Fault]:
    for each in _rules(type(spec)):
        try:
            yield from [*each.check(spec)]
        except AttributeError:  # the rule is about a field that is wrong in itself
            continue
    for name, value in vars(spec).items():
        if isinstance(value, Spec):
            yield from (fault.below(name) for fault in _faults_of_sound_fields(value))


def _faults_within(found: Iterable[ErrorDetails]) -> Iterator[Fault]:
    """Return the faults that pydantic reports as one error of a whole spec within a spec."""
    for details in found:
        if details["loc"] and (error := _spec_error(details)):
            yield from (fault.below(*details["loc"]) for fault in error.faults)


@cache
def _rules(spec: type[Spec]) -> tuple[rule, ...]:
    bases = reversed(spec.__mro__)
    return tuple(each for base in bases for each in vars(base).values() if isinstance(each, rule))


@cache
def _field_types(spec: type[Spec]) -> Mapping[str, Any]:
    return get_type_hints(spec, include_extras=True)


@cache
def _adapter(spec: type[Spec], field: str) -> TypeAdapter[Any]:
    return TypeAdapter(_field_types(spec)[field])


def _spec_of(field_type: Any, given: object) -> type[Spec] | None:
    """Return the spec that a mapping is read as; of a choice, the one that its keys point to."""
    if not isinstance(given, Mapping):
        return None
    if isinstance(field_type, type):
        return field_type if issubclass(field_type, Spec) else None
    if get_origin(field_type) is Annotated:
        union, *marks = get_args(field_type)
        chosen = [
            mark.discriminator(given)
            for mark in marks
            if isinstance(mark, Discriminator) and callable(mark.discriminator)
        ]
        for option in get_args(union):
            for mark in getattr(option, "__metadata__", ()):
                if isinstance(mark, Tag) and mark.tag in chosen:
                    return get_args(option)[0]
    return None


def _without_marks(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Return a path of keys alone: what pydantic adds to it, and the tags of our choices, is not.

    Both are in brackets.
    """
    return tuple(key for key in path if not is_mark(key))


def is_mark(key: str | int) -> bool:
    """Tell whether a part of a path is a mark, such as [key], and no key."""
    return isinstance(key, str) and key.startswith("[")


def _spec_error(details: ErrorDetails) -> SpecError | None:
    error = details.get("ctx", {}).get("error")
    return error if isinstance(error, SpecError) else None


def _broken(fault: Fault) -> InitErrorDetails:
    # Without a context the text is taken as it is, braces included.
    custom = PydanticCustomError("rule", cast(Any, fault.rule))
    return InitErrorDetails(type=custom, loc=fault.path, input=fault.given)


def _as_init_details(details: ErrorDetails) -> InitErrorDetails:
    """Return what reports the same fault again: pydantic drops its custom errors' own type."""
    kind: Any = details["type"]
    if kind == "rule":
        kind = PydanticCustomError("rule", cast(Any, details["msg"]))
    return InitErrorDetails(
        type=kind, loc=details["loc"], input=details["input"], ctx=details.get("ctx", {})
    )
