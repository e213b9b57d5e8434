"""What differs between two sets of properties, and whether it needs a new resource."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal

from sandbox.providers.values import asset_hash, is_asset, is_list, is_mapping

Path = tuple[str | int, ...]
"""Where a value is: keys and indices from the top."""

Change = Literal["add", "delete", "update"]

_PLAIN_KEY = re.compile(r"\w[\w-]*")
_ABSENT = object()


@dataclass(frozen=True)
class Difference:
    """The paths that changed; those which a resource cannot take over need a new one."""

    changes: Mapping[Path, Change]
    replacing: Collection[Path] = ()
    delete_before_replace: bool = False

    @classmethod
    def between(
        cls,
        old: Mapping[str, Any],
        new: Mapping[str, Any],
        *,
        immutable: Sequence[str] = (),
        delete_before_replace: bool = False,
    ) -> "Difference":
        """Compare properties; a change at, above or below an `immutable` path is replacing.

        Of a section that is new, or gone, that is what it has: not every path within it.
        Immutable paths have dots between their keys and say nothing of indices.
        """
        found = list(_changes((), old, new))
        rules = [tuple(path.split(".")) for path in immutable]
        replacing = [
            path
            for path, _, value in found
            if any(_meet(leaf, rule) for leaf in _leaves(path, value) for rule in rules)
        ]
        changes: dict[Path, Change] = {path: change for path, change, _ in found}
        return cls(changes, replacing, bool(replacing) and delete_before_replace)


def formatted(path: Path) -> str:
    """Return a path as Pulumi writes it: `spec.ports[0].name`, `data["a.b"]`."""
    return "".join(map(_segment, path)).removeprefix(".")


def parsed(path: str) -> Path:
    """Return the path that `formatted`, or a user in `ignore_changes`, wrote."""
    segments = re.findall(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|([^.\[\]]+)', path)
    return tuple(
        key or quoted.replace('\\"', '"') if key or quoted else int(index) if index != "*" else "*"
        for quoted, index, key in segments
    )


def _segment(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if _PLAIN_KEY.fullmatch(key) else '["' + key.replace('"', '\\"') + '"]'


def _changes(path: Path, old: Any, new: Any) -> Iterator[tuple[Path, Change, Any]]:
    """Yield what changed, with what came or went as a whole."""
    if old is _ABSENT:
        yield path, "add", new
    elif new is _ABSENT:
        yield path, "delete", old
    elif is_asset(old) and is_asset(new):
        if asset_hash(old) != asset_hash(new):
            yield path, "update", None
    elif is_mapping(old) and is_mapping(new):
        for key in sorted({**old, **new}):
            yield from _changes((*path, key), old.get(key, _ABSENT), new.get(key, _ABSENT))
    elif is_list(old) and is_list(new):
        for index, pair in enumerate(zip_longest(old, new, fillvalue=_ABSENT)):
            yield from _changes((*path, index), *pair)
    elif old != new:
        yield path, "update", None


def _leaves(path: Path, value: Any) -> Iterator[Path]:
    """Yield the paths of what has nothing within it."""
    items = value.items() if is_mapping(value) else enumerate(value) if is_list(value) else ()
    within = [leaf for key, item in items for leaf in _leaves((*path, key), item)]
    yield from within or [path]


def _meet(path: Path, rule: Path) -> bool:
    keys = [key for key in path if isinstance(key, str)]
    return all(key == wanted for key, wanted in zip(keys, rule, strict=False))
