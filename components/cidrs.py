"""Networks that a stack file names: whether they can be read, and whether they are the world."""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, collapse_addresses

from components.spec import Fault

# Who names more addresses than one /8 has does not mean an office.
_MOST_ADDRESSES = 2**24


def unreadable_networks(key: str, cidrs: Sequence[str]) -> Iterator[Fault]:
    """Find what is not an IPv4 network."""
    for number, cidr in enumerate(cidrs):
        try:
            IPv4Network(cidr)
        except ValueError:
            yield Fault((key, number), "must be an IPv4 network, such as 203.0.113.0/24", cidr)


def world(key: str, cidrs: Sequence[str]) -> Iterator[Fault]:
    """Find networks that are the world, in however many pieces; it takes a word that says so."""
    try:
        named = collapse_addresses([IPv4Network(cidr) for cidr in cidrs])
    except ValueError:
        return
    if sum(each.num_addresses for each in named) > _MOST_ADDRESSES:
        limit = "must not be open to the world, more than a /8 in all, without open_to_world: true"
        yield Fault((key,), limit, cidrs)
