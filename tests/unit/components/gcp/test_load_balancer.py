"""ServiceLoadBalancer: which connections get through to a model's pods, and from where."""

from dataclasses import replace
from typing import Any

import pytest

from components.gcp.load_balancer import ServiceLoadBalancer, ServiceLoadBalancerArgs
from components.kubernetes.exposure import ExposureSpec
from tests.unit import conftest
from tests.unit.components.gcp.exposed_models import a_backend, on_a_cluster

SERVICE = "kubernetes:core/v1:Service"
COMPONENT = "tfserving:index:ServiceLoadBalancer"
LABELS = {"app.kubernetes.io/instance": "resnet"}


def a_load_balancer(**spec: Any) -> ServiceLoadBalancer:
    return ServiceLoadBalancer(
        "resnet",
        ServiceLoadBalancerArgs(
            spec=ExposureSpec(**spec), backend=replace(a_backend(), selector=LABELS)
        ),
        on_a_cluster(),
    )


def test_it_is_a_service_of_its_own_for_the_models_pods(cloud):
    cloud.run(a_load_balancer)

    service = cloud.one(SERVICE, "resnet-external")
    assert service["metadata"]["name"] == "resnet-external"
    assert service["metadata"]["namespace"] == "serving"
    assert service["metadata"]["labels"] == {
        "app.kubernetes.io/name": "tensorflow-serving",
        "app.kubernetes.io/instance": "resnet",
    }
    assert service["spec"]["type"] == "LoadBalancer"
    assert service["spec"]["selector"] == LABELS
    assert cloud.parent_of(SERVICE) == f"{COMPONENT}::resnet"


def test_unless_said_otherwise_it_is_internal_and_for_its_whole_network(cloud):
    cloud.run(a_load_balancer)

    service = cloud.one(SERVICE)
    assert service["metadata"]["annotations"] == {
        "networking.gke.io/load-balancer-type": "Internal"
    }
    assert "loadBalancerSourceRanges" not in service["spec"]


def test_a_public_one_is_of_a_backend_service(cloud):
    cloud.run(lambda: a_load_balancer(scope="public", open_to_world=True))

    service = cloud.one(SERVICE)
    assert service["metadata"]["annotations"] == {"cloud.google.com/l4-rbs": "enabled"}
    assert "loadBalancerSourceRanges" not in service["spec"]


@pytest.mark.parametrize("scope", ["internal", "public"])
def test_only_named_networks_reach_it(cloud, scope):
    cloud.run(lambda: a_load_balancer(scope=scope, cidrs=("203.0.113.0/24", "198.51.100.7/32")))

    ranges = cloud.one(SERVICE)["spec"]["loadBalancerSourceRanges"]
    assert ranges == ["203.0.113.0/24", "198.51.100.7/32"]


def test_pods_see_who_asks_and_no_node_passes_anything_on_to_another(cloud):
    cloud.run(a_load_balancer)

    assert cloud.one(SERVICE)["spec"]["externalTrafficPolicy"] == "Local"


def test_without_grpc_it_takes_rest_alone(cloud):
    made = cloud.run(a_load_balancer)

    assert cloud.one(SERVICE)["spec"]["ports"] == [
        {"name": "tf-serving-http", "port": 8501, "targetPort": 8501}
    ]
    assert made.addresses.grpc_address is None


def test_grpc_has_a_port_of_the_same_address(cloud):
    made = cloud.run(lambda: a_load_balancer(grpc=True))

    assert cloud.one(SERVICE)["spec"]["ports"] == [
        {"name": "tf-serving-http", "port": 8501, "targetPort": 8501},
        {"name": "tf-serving-grpc", "port": 8500, "targetPort": 8500},
    ]
    assert cloud.promised(made) == {
        "rest_url": "http://203.0.113.8:8501",
        "grpc_address": "203.0.113.8:8500",
    }


def test_it_promises_its_address(cloud):
    made = cloud.run(a_load_balancer)

    assert cloud.value(made.addresses.rest_url) == "http://203.0.113.8:8501"
    assert cloud.promised(made)["rest_url"] == "http://203.0.113.8:8501"


@pytest.mark.parametrize("status", [{}, {"status": {}}, {"status": {"loadBalancer": {}}}])
def test_what_has_no_address_yet_has_an_empty_one(cloud, monkeypatch, status):
    monkeypatch.setitem(conftest._COMPUTED, SERVICE, lambda _: status)

    made = cloud.run(a_load_balancer)

    assert cloud.value(made.addresses.rest_url) == "http://:8501"
