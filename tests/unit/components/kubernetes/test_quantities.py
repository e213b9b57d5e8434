"""Quantities: the numbers that Kubernetes reads them as."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.kubernetes.quantities import parse_quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2", 2),
        ("500m", Fraction(1, 2)),
        ("1.5", Fraction(3, 2)),
        (".5", Fraction(1, 2)),
        ("2k", 2000),
        ("3M", 3_000_000),
        ("1G", 10**9),
        ("1T", 10**12),
        ("1P", 10**15),
        ("1E", 10**18),
        ("1Ki", 1024),
        ("512Mi", 512 * 1024**2),
        ("2Gi", 2 * 1024**3),
        ("1Ti", 1024**4),
        ("1Pi", 1024**5),
        ("1Ei", 1024**6),
        ("1e9", 10**9),
        ("1E3", 1000),
        ("1.5e-1", Fraction(15, 100)),
        ("2e+2", 200),
        ("1u", Fraction(1, 10**6)),
        ("7n", Fraction(7, 10**9)),
    ],
)
def test_a_quantity_is_read_as_kubernetes_reads_it(text, number):
    assert parse_quantity(text) == number


@pytest.mark.parametrize("text", ["", "two", "-1", "1 Gi", "1gi", "1mi", "0x10", "1K", "1.", "Gi"])
def test_anything_else_is_refused(text):
    assert_refused(text)


@pytest.mark.parametrize("text", ["e3", "1e", "1e+", "1e3Gi", "1e3e3", "1e1000000000"])
def test_an_exponent_is_one_of_two_digits_after_a_number_and_without_a_unit(text):
    assert_refused(text)


def assert_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be a quantity, such as 500m, 2 or 2Gi, got"):
        parse_quantity(text)


@given(st.integers(0, 10**9))
def test_a_thousand_thousandths_are_one(number):
    assert 1000 * parse_quantity(f"{number}m") == parse_quantity(f"{number}")


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_order_is_kept(one, other):
    assert (parse_quantity(f"{one}Mi") < parse_quantity(f"{other}Mi")) == (one < other)
