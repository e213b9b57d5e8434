"""Names: what Kubernetes takes, and what is short enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.names import is_dns_label, is_label_key, is_label_value, shortened


@pytest.mark.parametrize("name", ["a", "4vcpu-16gb", "half-plus-two", "a" * 63])
def test_a_dns_label_is_told(name):
    assert is_dns_label(name)


@pytest.mark.parametrize("name", ["", "A", "a_b", "a.b", "-a", "a-", "a" * 64, "a\n", "é"])
def test_what_is_none_is_told(name):
    assert not is_dns_label(name)


@pytest.mark.parametrize(
    "key", ["a", "lifecycle", "aws.amazon.com/spot", "A_b.c-1", "a" * 63, f"{'a.' * 126}a/b"]
)
def test_a_label_key_is_told(key):
    assert is_label_key(key)


@pytest.mark.parametrize(
    "key",
    ["", "/a", "a/", "a/b/c", "-a", "a.", "a b", "é", "A.com/b", "a" * 64, f"{'a.' * 127}a/b"],
)
def test_what_is_no_label_key_is_told(key):
    assert not is_label_key(key)


def test_a_label_value_is_told():
    assert all(map(is_label_value, ["", "a", "Ec2Spot", "a_b.c-1", "a" * 63]))
    assert not any(map(is_label_value, ["a" * 64, "-a", "a-", "a b", "a/b", "a\n"]))


@given(st.text(max_size=80), st.integers(20, 60))
def test_a_shortened_name_is_never_too_long(name, longest):
    assert len(shortened(name, longest)) <= longest


def test_a_name_that_fits_stays():
    assert shortened("a" * 45, 45) == "a" * 45


def test_long_names_that_begin_alike_stay_apart():
    first, second = (shortened("a" * 60 + end, 45) for end in "xy")

    assert first != second
    assert first.startswith("a" * 36 + "-")
    assert len(first) == 45
