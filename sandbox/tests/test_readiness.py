"""Readiness: what each kind waits for, told from live objects alone."""

import pytest

from sandbox.providers.readiness import (
    RULES,
    pending_pods,
    rule_of,
    skips_await,
    timeout_seconds,
)

PODS = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}}
DONE = {
    "observedGeneration": 3,
    "replicas": 2,
    "updatedReplicas": 2,
    "readyReplicas": 2,
    "availableReplicas": 2,
}


def reason(key: tuple[str, str], spec: dict, status: dict, *related: dict) -> str | None:
    live = {"metadata": {"name": "web", "generation": 3}, "spec": spec, "status": status}
    missing = RULES[key].missing(live, related)
    return missing and missing.reason


def endpoints(service: str, *ready: bool) -> dict:
    return {
        "metadata": {"labels": {"kubernetes.io/service-name": service}},
        "endpoints": [{"conditions": {"ready": one}} for one in ready],
    }


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (DONE, None),
        ({**DONE, "observedGeneration": 2}, "its controller has not seen the change yet"),
        ({**DONE, "updatedReplicas": 1}, "1 of 2 replicas are of the new template"),
        ({**DONE, "replicas": 3}, "1 replicas of the old template remain"),
        ({**DONE, "availableReplicas": 1}, "1 of 2 replicas are available"),
        ({}, "its controller has not seen the change yet"),
    ],
)
def test_a_deployment_waits_for_its_rollout(status, expected):
    assert reason(("apps/v1", "Deployment"), PODS, status) == expected


def test_a_deployment_that_gave_up_is_waited_for_no_longer():
    stuck = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    live = {"metadata": {"generation": 3}, "spec": PODS, "status": {**DONE, "conditions": [stuck]}}

    assert RULES["apps/v1", "Deployment"].missing(live, []).final


@pytest.mark.parametrize(
    ("spec", "related", "expected"),
    [
        ({"selector": {"a": "b"}}, [endpoints("web", True)], None),
        ({"selector": {"a": "b"}}, [endpoints("other", True)], "no pod that its selector"),
        ({"selector": {"a": "b"}}, [endpoints("web", True, False)], "1 of 2 endpoints"),
        ({}, [], None),
        ({"selector": {"a": "b"}, "clusterIP": "None"}, [], None),
        ({"selector": {"a": "b"}, "type": "ExternalName"}, [], None),
        ({"type": "LoadBalancer"}, [], "no load balancer has given it an address"),
    ],
)
def test_a_service_waits_for_endpoints_and_an_address(spec, related, expected):
    found = reason(("v1", "Service"), spec, {}, *related)

    assert (found or "").startswith(expected or "")
    assert bool(found) is bool(expected)


def test_an_ingress_waits_for_its_services_and_an_address():
    spec = {"rules": [{"http": {"paths": [{"backend": {"service": {"name": "web"}}}]}}]}
    key, address = ("networking.k8s.io/v1", "Ingress"), {"loadBalancer": {"ingress": [{"ip": "1"}]}}

    assert reason(key, spec, {}) == "the service web of its rules has no ready endpoint"
    assert reason(key, {**spec, "ingressClassName": "alb"}, {}, endpoints("web", True)) == (
        "no load balancer has given it an address: does the controller of its class, alb, run?"
    )
    assert reason(key, spec, address, endpoints("web", True)) is None


@pytest.mark.parametrize(
    ("key", "spec", "status", "expected"),
    [
        (
            ("apps/v1", "StatefulSet"),
            PODS,
            {**DONE, "readyReplicas": 1},
            "1 of 2 replicas are ready",
        ),
        (("apps/v1", "StatefulSet"), PODS, DONE, None),
        (
            ("apps/v1", "DaemonSet"),
            {},
            {"observedGeneration": 3, "desiredNumberScheduled": 2, "updatedNumberScheduled": 1},
            "1 of 2 pods are updated, 0 are ready",
        ),
        (("v1", "Pod"), {}, {"phase": "Pending"}, "it is Pending"),
        (("v1", "Pod"), {}, {"conditions": [{"type": "Ready", "status": "True"}]}, None),
        (("batch/v1", "Job"), {"completions": 3}, {"succeeded": 1}, "1 of 3 pods have succeeded"),
        (("batch/v1", "Job"), {}, {"conditions": [{"type": "Complete", "status": "True"}]}, None),
        (("v1", "PersistentVolumeClaim"), {}, {"phase": "Bound"}, None),
        (("v1", "PersistentVolumeClaim"), {}, {}, "it is Pending, not bound to a volume"),
        (("v1", "Namespace"), {}, {"phase": "Active"}, None),
    ],
)
def test_other_kinds_wait_for_their_own_state(key, spec, status, expected):
    assert reason(key, spec, status) == expected


@pytest.mark.parametrize("key", [("v1", "Pod"), ("batch/v1", "Job")])
def test_what_has_failed_is_waited_for_no_longer(key):
    status = {"phase": "Failed", "conditions": [{"type": "Failed", "status": "True"}]}
    live = {"metadata": {}, "spec": {}, "status": status}

    assert RULES[key].missing(live, []).final


def test_a_claim_of_a_late_binding_class_is_not_waited_for():
    late = {"metadata": {"name": "gp3"}, "volumeBindingMode": "WaitForFirstConsumer"}
    claim = {"storageClassName": "gp3"}

    assert reason(("v1", "PersistentVolumeClaim"), claim, {}, late) is None


@pytest.mark.parametrize("kind", ["HorizontalPodAutoscaler", "PodDisruptionBudget", "ConfigMap"])
def test_some_kinds_are_ready_at_once(kind):
    assert kind not in {key[1] for key in RULES}


def test_a_pending_pod_speaks_with_the_schedulers_words():
    condition = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}
    waiting = {"name": "server", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
    pods = [
        {"metadata": {"name": "a"}, "status": {"conditions": [condition]}},
        {"metadata": {"name": "b"}, "status": {"containerStatuses": [waiting]}},
        {"metadata": {"name": "c"}, "status": {"phase": "Running"}},
        {"metadata": {"name": "d"}, "status": {"phase": "Succeeded"}},
    ]

    assert list(pending_pods(pods)) == [
        "pod a cannot be scheduled: 0/3 nodes are available",
        "pod b waits: server: ImagePullBackOff",
        "pod c is Running, not ready",
    ]


@pytest.mark.parametrize(
    ("annotated", "custom", "expected"),
    [(None, 0, 75), ("30", 0, 30), ("30", 40, 40), ("600", 0, 75), (None, 1200, 75)],
)
def test_a_wait_is_as_long_as_the_program_says_within_the_cap(annotated, custom, expected):
    annotations = {"pulumi.com/timeoutSeconds": annotated} if annotated else {}

    assert timeout_seconds({"metadata": {"annotations": annotations}}, custom, 75) == expected


def test_a_program_may_choose_not_to_wait():
    assert skips_await({"metadata": {"annotations": {"pulumi.com/skipAwait": "true"}}})
    assert not skips_await({"metadata": {}})


def awaited(expression: str, status: dict, **metadata: int) -> str | None:
    annotations = {"pulumi.com/waitFor": expression}
    live = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"annotations": annotations, "generation": 3, **metadata},
        "status": status,
    }
    rule = rule_of(live)
    missing = rule and rule.missing(live, [])
    return missing and missing.reason


def programmed(status: str, observed: int = 3, message: str = "") -> dict:
    return {
        "type": "Programmed",
        "status": status,
        "observedGeneration": observed,
        "message": message,
    }


ADDRESSED = {"addresses": [{"type": "IPAddress", "value": "203.0.113.9"}], "ready": True}


def test_what_the_annotation_says_comes_before_what_the_kind_waits_for():
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}}
    assert rule_of(body) is RULES["apps/v1", "Deployment"]

    annotations = {"pulumi.com/waitFor": "jsonpath={.metadata.name}"}
    body["metadata"] = {"name": "web", "annotations": annotations}
    assert rule_of(body).missing(body, []) is None


def test_a_custom_resource_without_the_annotation_is_not_waited_for():
    gateway = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {}}

    assert rule_of(gateway) is None


@pytest.mark.parametrize(
    ("expression", "status", "expected"),
    [
        ("condition=Programmed", {"conditions": [programmed("True")]}, None),
        ("condition=programmed=true", {"conditions": [programmed("True")]}, None),
        ("condition=Programmed", {}, "it has no condition Programmed"),
        (
            "condition=Programmed",
            {"conditions": [programmed("False", message="there is no Service web")]},
            "its condition Programmed is False: there is no Service web",
        ),
        ("condition=Programmed=False", {"conditions": [programmed("False")]}, None),
        (
            "condition=Programmed",
            {"conditions": [programmed("True", observed=2)]},
            "its controller has not seen the change yet",
        ),
        (
            "condition=Programmed",
            {"observedGeneration": 2, "conditions": [{"type": "Programmed", "status": "True"}]},
            "its controller has not seen the change yet",
        ),
        ("condition=A", {"conditions": [{"type": "A", "status": "True"}]}, None),
    ],
)
def test_a_condition_is_of_the_generation_that_there_is(expression, status, expected):
    assert awaited(expression, status) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("jsonpath={.status.addresses[0].value}", None),
        ("jsonpath={$.status.addresses[0].value}", None),
        ("jsonpath={.status.addresses}", None),
        ("jsonpath={.status.addresses[0].value}=203.0.113.9", None),
        ("jsonpath={.status.ready}=true", None),
        ("jsonpath={.metadata.generation}=3", None),
        (
            "jsonpath={.status.addresses[0].value}=10.0.0.1",
            "{.status.addresses[0].value} is 203.0.113.9, not 10.0.0.1",
        ),
        ("jsonpath={.status.addresses[1].value}", "{.status.addresses[1].value} selected nothing"),
        ("jsonpath={.status.other}", "{.status.other} selected nothing"),
        ("jsonpath={.status.addresses.value}", "{.status.addresses.value} selected nothing"),
        ("jsonpath={.status[0]}", "{.status[0]} selected nothing"),
    ],
)
def test_a_path_selects_something_or_the_value_that_is_named(expression, expected):
    assert awaited(expression, ADDRESSED) == expected


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("ready", 'expected a "jsonpath=" or "condition=" prefix, got ready'),
        ("[]", "names nothing to wait for"),
        ("jsonpath=.status.addresses", "the sandbox reads fields and indices only"),
        ("jsonpath={.status.addresses[*].value}", "the sandbox reads fields and indices only"),
        ("jsonpath={.status.addresses}=1", "{.status.addresses} has a non-primitive value"),
    ],
)
def test_what_cannot_be_waited_for_ends_the_wait(expression, reason):
    body = {"metadata": {"annotations": {"pulumi.com/waitFor": expression}}, "status": ADDRESSED}
    missing = rule_of(body).missing(body, [])

    assert missing.final
    assert reason in missing.reason


def test_all_of_several_expressions_are_waited_for():
    both = '["condition=Programmed", "jsonpath={.status.addresses[0].value}"]'

    assert awaited(both, ADDRESSED) == "it has no condition Programmed"
    assert awaited(both, {"conditions": [programmed("True")]}) == (
        "{.status.addresses[0].value} selected nothing"
    )
    assert awaited(both, {**ADDRESSED, "conditions": [programmed("True")]}) is None
