"""IP addresses that lead nowhere: from the ranges that are for examples, and from a private one."""

import hashlib
from collections.abc import Container
from ipaddress import IPv4Network

# https://www.rfc-editor.org/rfc/rfc5737
_RESERVED = {False: IPv4Network("198.51.100.0/24"), True: IPv4Network("10.255.0.0/17")}
_PASSING = {False: IPv4Network("203.0.113.0/24"), True: IPv4Network("10.255.128.0/17")}


def reserved_address(name: str, internal: bool = False) -> str:
    """Return the address that is reserved under a name: always the same one."""
    return _some_of(_RESERVED[internal], name, ())


def free_address(owner: str, taken: Container[str], *, internal: bool) -> str:
    """Return an address for an owner that has none reserved, and that nobody else has."""
    return _some_of(_PASSING[internal], owner, taken)


def _some_of(network: IPv4Network, name: str, taken: Container[str]) -> str:
    count = network.num_addresses - 2
    first = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    each = (str(network[1 + (first + step) % count]) for step in range(count))
    return next(address for address in each if address not in taken)
