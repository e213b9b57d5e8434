"""A value of another kind, wherever it is in a stack file, is told of, or taken: no traceback."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pulumi
import pytest

import settings
from tests.unit.stack_files import ROOT, config_of, configure

Path = tuple[Any, ...]


def values_below(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Return what is at each key and in each list, and where that is."""
    if path:
        yield path, value
    items = value.items() if isinstance(value, dict) else ()
    for key, each in enumerate(value) if isinstance(value, list) else items:
        yield from values_below(each, (*path, key))


def cases() -> Iterator[Any]:
    """Return each key that some of these files has, once."""
    known: set[Path] = set()
    for name in ("gke", "gke-tuned", "dev"):
        config = config_of(ROOT / f"Pulumi.{name}.yaml")
        for path, value in values_below(config):
            if path not in known:
                yield pytest.param(config, path, value, id=f"{name}:{'.'.join(map(str, path))}")
        known |= {path for path, _ in values_below(config)}


@pytest.mark.parametrize(("config", "path", "value"), [*cases()])
def test_it_is_refused_in_words_or_taken(cloud, config, path, value):
    others = (None, True, 7) if isinstance(value, dict | list) else (None, ["gke"], {"a": 1})
    for other in others:
        changed = deepcopy(config)
        place = changed
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = other
        configure(changed)

        try:
            settings.load()
        except pulumi.RunError as refusal:
            assert "Pulumi.test.yaml has " in str(refusal)  # noqa: PT017 - or none is raised


def test_a_kind_that_is_no_text_is_refused_by_its_key(cloud):
    config = config_of(ROOT / "Pulumi.gke.yaml")
    config["tfserving:platform"]["kind"] = ["gke"]
    configure(config)

    with pytest.raises(pulumi.RunError, match=r"tfserving:platform\.kind: "):
        settings.load()
