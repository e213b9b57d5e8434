"""ServingNamespace: what is enforced in it, and what it takes by choice."""

from typing import Any

import pytest

from components.kubernetes.serving_namespace import (
    LimitRangeSpec,
    QuotaSpec,
    ServingNamespace,
    ServingNamespaceArgs,
    ServingNamespaceSpec,
)
from components.spec import SpecError

NAMESPACE = "kubernetes:core/v1:Namespace"
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
QUOTA = "kubernetes:core/v1:ResourceQuota"
LIMITS = "kubernetes:core/v1:LimitRange"


def made(cloud: Any, **args: Any) -> ServingNamespace:
    return cloud.run(lambda: ServingNamespace("vision", ServingNamespaceArgs(**args)))


def test_pods_are_restricted_by_the_rules_of_one_version(cloud):
    made(cloud)

    metadata = cloud.one(NAMESPACE)["metadata"]
    assert metadata["name"] == "vision"
    assert metadata["labels"] == {
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/enforce-version": "v1.35",
        "pod-security.kubernetes.io/audit": "restricted",
        "pod-security.kubernetes.io/audit-version": "v1.35",
        "pod-security.kubernetes.io/warn": "restricted",
        "pod-security.kubernetes.io/warn-version": "v1.35",
    }


def test_labels_of_the_platform_do_not_lift_the_rules(cloud):
    made(cloud, labels={"gate": "on", "pod-security.kubernetes.io/enforce": "privileged"})

    labels = cloud.one(NAMESPACE)["metadata"]["labels"]
    assert labels["gate"] == "on"
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_nothing_goes_in_or_out_unless_another_policy_allows_it(cloud):
    made(cloud)

    policy = cloud.one(POLICY)
    assert policy["metadata"] == {"name": "default.deny", "namespace": "vision"}
    assert policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_a_namespace_of_before_there_was_this_component_stays(cloud):
    made(cloud)

    (alias,) = cloud.options(NAMESPACE).aliases
    assert (alias.spec.name, alias.spec.parentUrn, alias.spec.noParent) == ("vision", "", True)


def test_quota_and_limit_range_are_a_choice(cloud):
    made(cloud)

    assert cloud.types().isdisjoint({QUOTA, LIMITS})


def test_a_quota_is_of_requests_and_pods(cloud):
    quota = QuotaSpec(cpu="8", memory="16Gi", pods=5)
    made(cloud, spec=ServingNamespaceSpec(quota=quota))

    assert cloud.one(QUOTA)["metadata"] == {"name": "vision", "namespace": "vision"}
    assert cloud.one(QUOTA)["spec"] == {
        "hard": {"requests.cpu": "8", "requests.memory": "16Gi", "pods": "5"}
    }


def test_a_quota_does_not_count_pods_that_give_way(cloud):
    quota = QuotaSpec(cpu="8", memory="16Gi", pods=5)
    made(cloud, spec=ServingNamespaceSpec(quota=quota), uncounted="spare")

    assert cloud.one(QUOTA)["spec"]["scopeSelector"] == {
        "matchExpressions": [
            {"scopeName": "PriorityClass", "operator": "NotIn", "values": ["spare"]}
        ]
    }


def test_a_limit_range_is_for_containers_that_say_nothing_and_limits_no_cpu(cloud):
    limits = LimitRangeSpec(cpu="100m", memory="128Mi", memory_limit="1Gi")
    made(cloud, spec=ServingNamespaceSpec(limit_range=limits))

    assert cloud.one(LIMITS)["metadata"] == {"name": "vision", "namespace": "vision"}
    assert cloud.one(LIMITS)["spec"] == {
        "limits": [
            {
                "type": "Container",
                "defaultRequest": {"cpu": "100m", "memory": "128Mi"},
                "default": {"memory": "1Gi"},
            }
        ]
    }


def test_all_of_it_belongs_to_the_component(cloud):
    spec = ServingNamespaceSpec(
        quota=QuotaSpec(cpu="8", memory="16Gi", pods=5),
        limit_range=LimitRangeSpec(cpu="100m", memory="128Mi", memory_limit="1Gi"),
    )
    namespace = made(cloud, spec=spec)

    for typ in (NAMESPACE, POLICY, QUOTA, LIMITS):
        assert cloud.parent_of(typ) == "tfserving:index:ServingNamespace::vision"
    assert cloud.promised(namespace) == {"namespace": "vision"}


def test_a_memory_limit_may_equal_the_request():
    LimitRangeSpec(cpu="100m", memory="1024Mi", memory_limit="1Gi")


def test_a_memory_limit_below_the_request_is_refused():
    with pytest.raises(SpecError) as refusal:
        LimitRangeSpec(cpu="100m", memory="1Gi", memory_limit="1023Mi")

    said = "memory_limit: must not be below the request, 1Gi, got '1023Mi'"
    assert str(refusal.value) == said


@pytest.mark.parametrize("field", ["cpu", "memory", "memory_limit"])
@pytest.mark.parametrize("given", ["0", "much"])
def test_a_limit_range_has_positive_quantities(field, given):
    with pytest.raises(SpecError) as refusal:
        LimitRangeSpec(**{"cpu": "1", "memory": "1Gi", "memory_limit": "1Gi", field: given})

    said = f"{field}: must be a positive quantity, such as 500m, 2 or 2Gi, got '{given}'"
    assert str(refusal.value) == said
