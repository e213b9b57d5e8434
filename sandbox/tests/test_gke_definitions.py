"""The kinds that GKE defines, on a real API server: what is taken, and what is refused."""

import pytest

from sandbox.errors import SandboxError
from sandbox.gke import definitions
from sandbox.kubernetes_api import ApiError, KubernetesApi
from sandbox.tests.gke_objects import (
    GATEWAY_API,
    TLS,
    backend_policy,
    compute_class,
    gateway,
    gateway_policy,
    health_check,
    monitoring,
    of_kind,
    route,
)

HTTPS = {"name": "https", "protocol": "HTTPS", "port": 443}
CERTIFIED = {**HTTPS, "tls": TLS}


@pytest.fixture(scope="module", autouse=True)
def installed(api_server) -> None:
    definitions.install(KubernetesApi.from_kubeconfig(api_server))


@pytest.mark.parametrize(
    "make",
    [
        gateway,
        lambda space: gateway(space, listener=CERTIFIED),
        lambda space: gateway(space, addresses=[{"type": "NamedAddress", "value": "web"}]),
        route,
        lambda space: route(space, timeouts={"request": "30s"}),
        health_check,
        backend_policy,
        lambda space: backend_policy(space, securityPolicy="clients"),
        gateway_policy,
        monitoring,
        lambda space: monitoring(space, port=8501),
        lambda _: compute_class(),
        lambda _: compute_class(priorities=[{"machineFamily": "n2", "spot": True}]),
    ],
)
def test_what_is_right_is_taken(api, space, make):
    api.create(make(space), dry_run=True)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda space: gateway(space, adresses=[]), 'unknown field "spec.adresses"'),
        (lambda space: gateway(space, listeners=[]), "spec.listeners"),
        (lambda space: gateway(space, listener=HTTPS | {"tls": {}}), "certificateRefs or options"),
        (lambda space: gateway(space, listener={"tls": TLS}), "tls must not be specified"),
        (lambda space: gateway(space, listener={"port": 0}), "listeners[0].port"),
        (
            lambda space: of_kind(GATEWAY_API, "Gateway", space, {"listeners": [HTTPS]}),
            "spec.gatewayClassName: Required value",
        ),
        (lambda space: route(space, port=None), "Must have port for Service reference"),
        (lambda space: route(space, timeout="30s"), 'unknown field "spec.rules[0].timeout"'),
        (
            lambda space: route(space, matches=[{"path": {"type": "Prefix", "value": "/"}}]),
            'Unsupported value: "Prefix"',
        ),
        (
            lambda space: route(space, matches=[{"path": {"type": "Exact", "value": "v1"}}]),
            "value must be an absolute path",
        ),
        (
            lambda space: route(space, matches=[{"path": {"value": "/v1/"}}]),
            "must not end with '/'",
        ),
        (lambda space: health_check(space, timeoutSec=0), "spec.default.timeoutSec"),
        (lambda space: health_check(space, interval=5), 'unknown field "spec.default.interval"'),
        (
            lambda space: health_check(space, config={"type": "HTTP"}),
            "spec.default.config in body should have at least 2 properties",
        ),
        (lambda space: backend_policy(space, timeoutSec=0), "spec.default.timeoutSec"),
        (
            lambda space: backend_policy(space, connectionDraining={"drainingTimeoutSec": 4000}),
            "drainingTimeoutSec",
        ),
        (lambda space: gateway_policy(space, tls="1.2"), 'unknown field "spec.default.tls"'),
        (lambda space: monitoring(space, every="30s"), 'unknown field "spec.endpoints[0].every"'),
        (lambda space: monitoring(space, interval="often"), "spec.endpoints[0].interval"),
        (lambda _: compute_class(whenUnsatisfiable="Wait"), 'Unsupported value: "Wait"'),
        (lambda _: compute_class(priorities=[]), "spec.priorities"),
        (
            lambda _: compute_class(priorities=[{"nodePools": ["spot"]}]),
            'unknown field "spec.priorities[0].nodePools"',
        ),
    ],
)
def test_what_is_wrong_is_refused_in_a_sentence(api, space, make, reason):
    with pytest.raises(ApiError) as refusal:
        api.create(make(space), dry_run=True)

    assert reason in refusal.value.message


def test_a_new_gateway_waits_for_its_controller(api, space):
    made = api.create(gateway(space))

    conditions = {each["type"]: each["status"] for each in made["status"]["conditions"]}
    assert conditions == {"Accepted": "Unknown", "Programmed": "Unknown"}
    (listener,) = made["spec"]["listeners"]
    assert listener["allowedRoutes"] == {"namespaces": {"from": "Same"}}


def test_the_classes_of_gateways_are_there(api):
    classes = {
        each["metadata"]["name"]: each["spec"]["controllerName"]
        for each in api.list(GATEWAY_API, "GatewayClass")
    }

    assert (
        classes.items()
        >= dict.fromkeys(
            ("gke-l7-global-external-managed", "gke-l7-rilb"), "networking.gke.io/gateway"
        ).items()
    )


def test_what_is_there_already_is_made_right_again(api):
    name = "podmonitorings.monitoring.googleapis.com"
    where = ("apiextensions.k8s.io/v1", "CustomResourceDefinition", name)
    api.patch(*where, {"spec": {"names": {"shortNames": ["pm"]}}})
    api.patch(*where, {"spec": {"versions": [api.get(*where)["spec"]["versions"][0]]}})
    definitions.install(api)
    definitions.install(api)

    assert api.get(*where)["status"]["conditions"]


def test_each_definition_says_what_it_is_of(api):
    for each in definitions.definitions():
        assert each["kind"] == "CustomResourceDefinition"
        assert each["metadata"]["name"].endswith(f".{each['spec']['group']}")


def test_a_kind_that_is_not_served_in_time_is_named(api, monkeypatch):
    monkeypatch.setattr(definitions, "_SERVED_SECONDS", 0.0)
    monkeypatch.setattr(definitions, "_is_served", lambda _, each: "pod" not in str(each))

    with pytest.raises(SandboxError, match="does not serve podmonitorings"):
        definitions.install(api)
