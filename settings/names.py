"""What a stack file names: keys that become names, and registries."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator

from components.kubernetes.registries import HOST_RULE, PLACE_RULE, is_host, is_place
from components.names import DNS_LABEL_RULE, is_dns_label


def _dns_label(name: str) -> str:
    if not is_dns_label(name):
        raise ValueError(DNS_LABEL_RULE)
    return name


def _host(name: str) -> str:
    if not is_host(name):
        raise ValueError(HOST_RULE)
    return name


def _place(name: str) -> str:
    if not is_place(name):
        raise ValueError(PLACE_RULE)
    return name


DnsLabel = Annotated[str, AfterValidator(_dns_label)]

Registries = Mapping[Annotated[str, AfterValidator(_host)], Annotated[str, AfterValidator(_place)]]
"""The places that images are pulled through, by the hosts of their registries."""
