"""Labels of nodes: which ones a kubelet may set."""

import pytest

from components.kubernetes.node_labels import label_faults
from components.names import LABEL_KEY_RULE, LABEL_VALUE_RULE
from components.spec import Fault

RESERVED = "must not be in a domain of Kubernetes: a kubelet that sets it won't start"


@pytest.mark.parametrize(
    "key",
    [
        "intent",
        "example.com/intent",
        "aws.amazon.com/spot",
        "node.kubernetes.io/intent",
        "a.kubelet.kubernetes.io/intent",
        "mykubernetes.io/intent",
    ],
)
def test_a_kubelet_sets_labels_that_are_not_kubernetes_own(key):
    assert [*label_faults({key: "apps"})] == []


@pytest.mark.parametrize("key", ["kubernetes.io/a", "k8s.io/a", "node-role.kubernetes.io/a"])
def test_a_kubelet_sets_none_of_kubernetes_own(key):
    assert [*label_faults({key: "apps"})] == [Fault(("labels", key), RESERVED, key)]


def test_every_label_is_one():
    assert [*label_faults({"a b": "apps", "intent": "a b"})] == [
        Fault(("labels", "a b"), LABEL_KEY_RULE, "a b"),
        Fault(("labels", "intent"), LABEL_VALUE_RULE, "a b"),
    ]
