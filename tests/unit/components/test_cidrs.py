"""Networks that a stack file names: read one by one, weighed together."""

import pytest

from components.cidrs import unreadable_networks, world


def test_each_that_is_no_network_is_named():
    (first, second) = unreadable_networks("cidrs", ("10.0.0.0/8", "10.0.0.1/8", "::/0"))

    assert (first.path, first.given) == (("cidrs", 1), "10.0.0.1/8")
    assert (second.path, second.given) == (("cidrs", 2), "::/0")


@pytest.mark.parametrize(
    "cidrs",
    [(), ("10.0.0.0/8",), ("10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16"), ("0.0.0.0/0", "nowhere")],
)
def test_no_more_than_a_slash_8_is_not_the_world(cidrs):
    assert not [*world("cidrs", cidrs)]


@pytest.mark.parametrize("cidrs", [("0.0.0.0/0",), ("10.0.0.0/8", "192.0.2.1/32")])
def test_more_than_that_is(cidrs):
    (fault,) = world("cidrs", cidrs)

    assert (fault.path, fault.given) == (("cidrs",), cidrs)
