"""Bounds: an order that always holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.bounds import Bounds
from components.spec import SpecError

NUMBERS = st.integers(-3, 6)


@given(minimum=NUMBERS, initial=NUMBERS, maximum=NUMBERS)
def test_bounds_are_accepted_exactly_when_they_are_in_order(minimum, initial, maximum):
    in_order = 0 <= minimum <= initial <= maximum and maximum >= 1
    try:
        Bounds(minimum=minimum, initial=initial, maximum=maximum)
    except SpecError:
        assert not in_order
    else:
        assert in_order


@pytest.mark.parametrize(
    ("minimum", "initial", "maximum", "message"),
    [
        (4, 4, 3, "minimum: must be between 0 and the maximum, 3, got 4"),
        (1, 0, 3, "initial: must be between the minimum, 1, and the maximum, 3, got 0"),
        (0, 0, 0, "maximum: must be at least 1, got 0"),
    ],
)
def test_the_message_names_field_rule_and_value(minimum, initial, maximum, message):
    with pytest.raises(SpecError) as refusal:
        Bounds(minimum=minimum, initial=initial, maximum=maximum)

    assert str(refusal.value) == message
