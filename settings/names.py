"""Keys of a stack file that become names."""

from typing import Annotated

from pydantic import AfterValidator

from components.names import DNS_LABEL_RULE, is_dns_label


def _dns_label(name: str) -> str:
    if not is_dns_label(name):
        raise ValueError(DNS_LABEL_RULE)
    return name


DnsLabel = Annotated[str, AfterValidator(_dns_label)]
