"""What docs/articles says: every statement has its verdict, and every link leads somewhere."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ARTICLES = sorted((ROOT / "docs" / "articles").glob("*.md"))
SPOT = ROOT / "docs" / "articles" / "spot.md"

_LINK = re.compile(r"\[([^\]]*)\]\(([^)]*)\)")
_VERDICT = re.compile(r"(present|later)( \(.+\))?|(replaced|left out) \(.+\)")
_COLUMNS = 4

every_article = pytest.mark.parametrize("article", ARTICLES, ids=lambda path: path.stem)


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
    """Tell whether a Python file defines a name, or whether the config of a stack has a key."""
    match path.suffix:
        case ".py":
            return symbol in names_in(path)
        case ".yaml":
            return has_key(yaml.safe_load(path.read_text())["config"], symbol.split("."))
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


def test_none_of_the_spot_articles_infrastructure_is_for_later():
    rows = [row for row in rows_of(SPOT) if row.part == "Infrastructure"]

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


def test_no_statement_or_value_of_the_spot_article_is_passed_over():
    statements = [*range(1, 36), *range(40, 55), *range(60, 78), *range(80, 93)]

    assert {row.id for row in rows_of(SPOT)} == {
        *(f"S{number}" for number in statements),
        *(f"SA{number}" for number in range(1, 25)),
    }


def test_no_fault_of_the_spot_article_is_passed_over():
    named = {int(number) for number in re.findall(r"\bSF(\d+)", SPOT.read_text())}

    assert named == {*range(1, 28)}


@pytest.mark.parametrize(
    ("symbol", "file"),
    [
        ("SpotNodeGrup", "components/aws/spot_node_group.py"),
        ("SpotPoolSpec.burst", "components/aws/spot_node_group.py"),
        ("priorities", "components/aws/spot_node_group.py"),
        ("tfserving:platform.pools.spot", "Pulumi.prod.yaml"),
        ("name", "Pulumi.prod.yaml"),
        ("Try it", "README.md"),
    ],
)
def test_a_name_that_is_not_defined_is_found_out(symbol, file):
    assert not is_defined(symbol, ROOT / file)
