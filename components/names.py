"""Names that Kubernetes and DNS accept."""

import hashlib
import re

# What Pulumi and the components add to it fits a role (64) and a managed node group (63).
LONGEST_NAME = 45

_LONGEST_PREFIX = 253
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
_DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_MODEL_NAME = re.compile(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?")

DNS_LABEL_RULE = (
    "must be a DNS label: 1 to 63 lower-case letters, digits and hyphens, no hyphen at either end"
)

MODEL_NAME_RULE = (
    "must be 1 to 63 lower-case letters, digits, hyphens and underscores, a letter or digit at "
    "either end"
)
LABEL_KEY_RULE = (
    "must be a Kubernetes key: 1 to 63 letters, digits, hyphens, underscores and dots, a letter or "
    "digit at either end, after a DNS name and a slash if there is one"
)
LABEL_VALUE_RULE = (
    "must be empty or 1 to 63 letters, digits, hyphens, underscores and dots, a letter or digit at "
    "either end"
)


def is_dns_label(name: str) -> bool:
    """Tell whether a name is a DNS label (RFC 1123), as Kubernetes wants its objects named."""
    return _DNS_LABEL.fullmatch(name) is not None


def is_model_name(name: str) -> bool:
    """Tell whether a name is one that a server's URLs and a bucket's keys take as it is."""
    return _MODEL_NAME.fullmatch(name) is not None


def is_label_value(value: str) -> bool:
    """Tell whether Kubernetes takes it for the value of a label or taint."""
    return _LABEL_VALUE.fullmatch(value) is not None


def is_label_key(key: str) -> bool:
    """Tell whether Kubernetes takes it for the key of a label or taint."""
    prefix, slash, name = key.rpartition("/")
    prefixed = len(prefix) <= _LONGEST_PREFIX and all(map(is_dns_label, prefix.split(".")))
    return bool(name) and is_label_value(name) and (prefixed or not slash)


def shortened(name: str, longest: int) -> str:
    """Return a name that is short enough to make physical names of; a digest keeps it its own."""
    if len(name) <= longest:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: longest - 9]}-{digest}"
