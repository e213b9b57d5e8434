"""What docs/articles says: every statement has its verdict, and every link leads somewhere."""

import ast
import csv
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ARTICLES = sorted((ROOT / "docs" / "articles").glob("*.md"))

_LINK = re.compile(r"\[([^\]]*)\]\(([^)]*)\)")
_VERDICT = re.compile(r"(present|later)( \(.+\))?|(replaced|left out) \(.+\)")
_COLUMNS = 4

every_article = pytest.mark.parametrize("article", ARTICLES, ids=lambda path: path.stem)


class Checklist(NamedTuple):
    """The numbers of an article's statements, of its faults and of its values, after a letter."""

    letter: str
    statements: Sequence[int]
    faults: Sequence[int]
    values: Sequence[int]


CHECKLISTS = {
    "cpu-tuning": Checklist(
        "T", [*range(1, 16), *range(19, 28), *range(30, 43)], range(1, 21), range(1, 29)
    ),
    "gke-lab": Checklist("G", range(1, 33), range(1, 19), range(1, 18)),
    "spot": Checklist(
        "S",
        [*range(1, 36), *range(40, 55), *range(60, 78), *range(80, 93)],
        range(1, 28),
        range(1, 25),
    ),
}


class Row(NamedTuple):
    """A line of a table, and the part of the article that it is in."""

    part: str
    id: str
    statement: str
    verdict: str
    links: str


def rows_of(article: Path) -> Iterator[Row]:
    part = ""
    for line in article.read_text().splitlines():
        if line.startswith("## "):
            part = line.removeprefix("## ")
        elif line.startswith("|") and not line.startswith(("| id |", "|---")):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            assert len(cells) == _COLUMNS, line
            yield Row(part, *cells)


def is_defined(symbol: str, path: Path) -> bool:
    """Tell whether a Python file defines a name, the config of a stack has a key, a table a row."""
    match path.suffix:
        case ".py":
            return symbol in names_in(path)
        case ".yaml":
            return has_key(yaml.safe_load(path.read_text())["config"], symbol.split("."))
        case ".csv":
            return symbol in first_cells(path)
    return False


@cache
def names_in(path: Path) -> frozenset[str]:
    return frozenset(_names(ast.parse(path.read_text()).body))


def _names(body: list[ast.stmt]) -> Iterator[str]:
    for statement in body:
        match statement:
            case ast.ClassDef(name=name, body=members):
                yield name
                yield from (f"{name}.{member}" for member in _names(members))
            case ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Assign(targets=targets):
                yield from (
                    each.id
                    for target in targets
                    for each in ast.walk(target)
                    if isinstance(each, ast.Name)
                )


def has_key(section: Any, keys: list[str]) -> bool:
    if not keys:
        return True
    key, *rest = keys
    return isinstance(section, dict) and key in section and has_key(section[key], rest)


def first_cells(path: Path) -> set[str]:
    with path.open(newline="") as table:
        _, *rows = csv.reader(table)
        return {row[0] for row in rows}


def test_every_article_is_held_against_its_checklist():
    assert [article.stem for article in ARTICLES] == [*CHECKLISTS]


@every_article
def test_every_link_leads_to_a_file_and_what_it_defines(article):
    broken = []
    for text, target in _LINK.findall(article.read_text()):
        path = (article.parent / target).resolve()
        name, _, symbol = text.partition("#")
        if (
            not path.is_file()
            or path != ROOT / name
            or (bool(symbol) and not is_defined(symbol, path))
        ):
            broken.append(f"[{text}]({target})")

    assert not broken


@every_article
def test_a_link_to_code_names_what_it_is_about(article):
    links = _LINK.findall(article.read_text())

    assert not [text for text, target in links if not target.endswith(".md") and "#" not in text]


@every_article
def test_every_statement_has_a_verdict_and_what_is_not_present_a_reason(article):
    assert not [row for row in rows_of(article) if not _VERDICT.fullmatch(row.verdict)]


@every_article
def test_none_of_the_infrastructure_is_for_later(article):
    rows = [row for row in rows_of(article) if row.part == "Infrastructure"]

    assert rows
    assert not [row for row in rows if row.verdict.startswith("later")]


@every_article
def test_what_is_not_for_later_can_be_looked_up(article):
    rows = [row for row in rows_of(article) if not row.verdict.startswith("later")]

    assert not [row for row in rows if not _LINK.search(row.links)]


@every_article
def test_a_statement_is_judged_once(article):
    ids = [row.id for row in rows_of(article)]

    assert len(set(ids)) == len(ids)


@every_article
def test_no_statement_or_value_is_passed_over(article):
    letter, statements, _, values = CHECKLISTS[article.stem]

    assert {row.id for row in rows_of(article)} == {
        *(f"{letter}{number}" for number in statements),
        *(f"{letter}A{number}" for number in values),
    }


@every_article
def test_values_have_a_part_of_their_own(article):
    values = f"{CHECKLISTS[article.stem].letter}A"

    assert all((row.part == "Values") == row.id.startswith(values) for row in rows_of(article))


@every_article
def test_no_fault_is_passed_over(article):
    letter, _, faults, _ = CHECKLISTS[article.stem]
    verdicts = " ".join(row.verdict for row in rows_of(article))

    assert {int(number) for number in re.findall(rf"\b{letter}F(\d+)", verdicts)} == {*faults}


@pytest.mark.parametrize(
    ("symbol", "file"),
    [
        ("SpotNodeGrup", "components/aws/spot_node_group.py"),
        ("SpotPoolSpec.burst", "components/aws/spot_node_group.py"),
        ("priorities", "components/aws/spot_node_group.py"),
        ("tfserving:platform.pools.spot", "Pulumi.prod.yaml"),
        ("name", "Pulumi.prod.yaml"),
        ("2n-8c-16r-interop3", "settings/serving_profiles.csv"),
        ("profile", "settings/serving_profiles.csv"),
        ("Try it", "README.md"),
    ],
)
def test_a_name_that_is_not_defined_is_found_out(symbol, file):
    assert not is_defined(symbol, ROOT / file)
