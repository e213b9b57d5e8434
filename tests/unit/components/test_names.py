"""Names: what Kubernetes takes, and what is short enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.names import is_dns_label, shortened


@pytest.mark.parametrize("name", ["a", "4vcpu-16gb", "half-plus-two", "a" * 63])
def test_a_dns_label_is_told(name):
    assert is_dns_label(name)


@pytest.mark.parametrize("name", ["", "A", "a_b", "a.b", "-a", "a-", "a" * 64, "a\n", "é"])
def test_what_is_none_is_told(name):
    assert not is_dns_label(name)


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
