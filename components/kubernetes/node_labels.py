"""Labels of nodes, and what Kubernetes would refuse of them."""

from collections.abc import Iterator, Mapping, Sequence

from components.names import LABEL_KEY_RULE, LABEL_VALUE_RULE, is_label_key, is_label_value
from components.spec import Fault

# https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction
_RESERVED = ("kubernetes.io", "k8s.io")
_UNRESERVED = ("kubelet.kubernetes.io", "node.kubernetes.io")


def label_faults(labels: Mapping[str, str]) -> Iterator[Fault]:
    """Return what Kubernetes would refuse of the labels of a node."""
    for key, value in labels.items():
        if not is_label_key(key):
            yield Fault(("labels", key), LABEL_KEY_RULE, key)
        elif _is_reserved(key):
            limit = "must not be in a domain of Kubernetes: a kubelet that sets it won't start"
            yield Fault(("labels", key), limit, key)
        if not is_label_value(value):
            yield Fault(("labels", key), LABEL_VALUE_RULE, value)


def _is_reserved(key: str) -> bool:
    def within(domains: Sequence[str]) -> bool:
        return any(prefix == each or prefix.endswith(f".{each}") for each in domains)

    prefix = key.rpartition("/")[0]
    return within(_RESERVED) and not within(_UNRESERVED)
