"""Names that Kubernetes and DNS accept."""

import hashlib
import re

# What Pulumi and the components add to it fits a role (64) and a managed node group (63).
LONGEST_NAME = 45

_DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

DNS_LABEL_RULE = (
    "must be a DNS label: 1 to 63 lower-case letters, digits and hyphens, no hyphen at either end"
)


def is_dns_label(name: str) -> bool:
    """Tell whether a name is a DNS label (RFC 1123), as Kubernetes wants its objects named."""
    return _DNS_LABEL.fullmatch(name) is not None


def shortened(name: str, longest: int) -> str:
    """Return a name that is short enough to make physical names of; a digest keeps it its own."""
    if len(name) <= longest:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: longest - 9]}-{digest}"
