"""Checks that the rows of every cloud share."""

import pytest

from sandbox.providers.checks import cidr


@pytest.mark.parametrize(
    ("given", "ipv6", "reason"),
    [
        ("10.0.0.0/15", False, "must be a /28 to /16, got 10.0.0.0/15 (a page)"),
        ("10.0.0.0/29", True, "must be a /28 to /16, got 10.0.0.0/29 (a page)"),
        ("10.0.0.0", False, "must be an IPv4 network: '10.0.0.0' has no prefix length"),
        ("2001:db8::", True, "must be an IPv4 or IPv6 network: '2001:db8::' has no prefix length"),
        ("2001:db8::/32", False, "must be an IPv4 network: "),
        ("10.0.0.1/16", True, "must be an IPv4 or IPv6 network: "),
    ],
)
def test_what_is_no_network_of_the_right_size_is_refused(given, ipv6, reason):
    (failure,) = cidr("range", 16, 28, "a page", ipv6=ipv6)({"range": given})

    assert failure.property == "range"
    assert failure.reason.startswith(reason)


@pytest.mark.parametrize(
    ("given", "ipv6"),
    [("10.0.0.0/16", False), ("10.0.0.0/28", False), ("2001:db8::/32", True), ("::/0", True)],
)
def test_a_network_of_the_right_size_is_taken(given, ipv6):
    assert [*cidr("range", 16, 28, "a page", ipv6=ipv6)({"range": given})] == []
