"""GatewayExposure: what gets through to a model's pods, from whom, and since when."""

import asyncio
from typing import Any

import pytest

from components.gcp.gateway import GatewayExposure, GatewayExposureArgs
from components.kubernetes.exposure import ExposureSpec
from tests.unit.components.gcp.exposed_models import a_backend, on_a_cluster

GATEWAY = "kubernetes:gateway.networking.k8s.io/v1:Gateway"
ROUTE = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"
HEALTH = "kubernetes:networking.gke.io/v1:HealthCheckPolicy"
POLICY = "kubernetes:networking.gke.io/v1:GCPBackendPolicy"
LISTENER = "kubernetes:networking.gke.io/v1:GCPGatewayPolicy"
CLIENTS = "gcp:compute/securityPolicy:SecurityPolicy"
GLOBAL, REGIONAL = "gcp:compute/globalAddress:GlobalAddress", "gcp:compute/address:Address"
TLS = "gcp:compute/sSLPolicy:SSLPolicy"
REGIONAL_TLS = "gcp:compute/regionSslPolicy:RegionSslPolicy"
COMPONENT = "tfserving:index:GatewayExposure"
OFFICE = {"scope": "public", "cidrs": ("203.0.113.0/24",)}


def a_gateway(
    *, models: tuple[str, ...] = ("resnet",), deregistration_seconds: int = 25, **spec: Any
) -> GatewayExposure:
    return GatewayExposure(
        "resnet",
        GatewayExposureArgs(
            spec=ExposureSpec(**spec),
            backend=a_backend(models=models, deregistration_seconds=deregistration_seconds),
            region="us-central1",
            subnetwork="projects/my-project/regions/us-central1/subnetworks/nodes",
        ),
        on_a_cluster(),
    )


def lets_through(cloud: Any, path: str) -> bool:
    """Compare as a Gateway does: a prefix is of whole segments."""
    matches = [
        match["path"] for rule in cloud.one(ROUTE)["spec"]["rules"] for match in rule["matches"]
    ]
    return any(
        path == each["value"]
        or (each["type"] == "PathPrefix" and path.startswith(f"{each['value']}/"))
        for each in matches
    )


def test_unless_said_otherwise_it_is_internal_with_an_address_of_its_subnetwork(cloud):
    made = cloud.run(a_gateway)

    address = cloud.one(REGIONAL, "resnet-address")
    assert address["addressType"] == "INTERNAL"
    assert address["purpose"] == "SHARED_LOADBALANCER_VIP"
    assert address["region"] == "us-central1"
    assert address["subnetwork"].endswith("/subnetworks/nodes")
    gateway = cloud.one(GATEWAY, "resnet-gateway")
    assert gateway["spec"]["gatewayClassName"] == "gke-l7-rilb"
    assert gateway["spec"]["addresses"] == [{"type": "NamedAddress", "value": "resnet-address"}]
    assert cloud.value(made.addresses.rest_url) == "http://10.60.0.9"
    assert GLOBAL not in cloud.types()


def test_a_public_one_has_an_address_of_the_world(cloud):
    made = cloud.run(lambda: a_gateway(**OFFICE))

    gateway = cloud.one(GATEWAY)
    assert gateway["spec"]["gatewayClassName"] == "gke-l7-global-external-managed"
    assert gateway["spec"]["addresses"] == [{"type": "NamedAddress", "value": "resnet-address"}]
    assert cloud.promised(made) == {"rest_url": "http://203.0.113.9"}
    assert made.addresses.grpc_address is None
    assert set(cloud.all(GLOBAL)) == {"resnet-address"}
    assert REGIONAL not in cloud.types()


def test_without_a_certificate_it_speaks_http_and_takes_routes_of_its_namespace(cloud):
    cloud.run(a_gateway)

    assert cloud.one(GATEWAY)["spec"]["listeners"] == [
        {
            "name": "http",
            "protocol": "HTTP",
            "port": 80,
            "allowedRoutes": {"namespaces": {"from": "Same"}, "kinds": [{"kind": "HTTPRoute"}]},
        }
    ]


def test_with_a_certificate_it_speaks_tls_and_nothing_else(cloud):
    made = cloud.run(lambda: a_gateway(certificate="models-example-com"))

    (listener,) = cloud.one(GATEWAY)["spec"]["listeners"]
    assert (listener["name"], listener["protocol"], listener["port"]) == ("https", "HTTPS", 443)
    assert listener["tls"] == {
        "mode": "Terminate",
        "options": {"networking.gke.io/pre-shared-certs": "models-example-com"},
    }
    assert cloud.value(made.addresses.rest_url) == "https://10.60.0.9"


@pytest.mark.parametrize(
    ("spec", "kind", "other", "place"),
    [
        (OFFICE, TLS, REGIONAL_TLS, {}),
        ({}, REGIONAL_TLS, TLS, {"region": "us-central1"}),
    ],
)
def test_its_tls_is_current(cloud, spec, kind, other, place):
    cloud.run(lambda: a_gateway(certificate="models-example-com", **spec))

    expected = {"minTlsVersion": "TLS_1_2", "profile": "RESTRICTED", **place}
    assert cloud.one(kind, "resnet-tls") == expected
    assert other not in cloud.types()
    policy = cloud.one(LISTENER, "resnet-listener")
    assert policy["spec"] == {
        "default": {"sslPolicy": "resnet-tls"},
        "targetRef": {
            "group": "gateway.networking.k8s.io",
            "kind": "Gateway",
            "name": "resnet",
        },
    }
    assert "resnet-listener" in cloud.waits_for(GATEWAY)
    assert cloud.parent_of(kind) == cloud.parent_of(LISTENER) == f"{COMPONENT}::resnet"


def test_without_a_certificate_there_is_no_policy_of_tls(cloud):
    cloud.run(a_gateway)

    assert cloud.types().isdisjoint({TLS, REGIONAL_TLS, LISTENER})


def test_its_address_is_known_to_others_once_it_is_there(cloud):
    made = cloud.run(a_gateway)

    waited_for = asyncio.get_event_loop().run_until_complete(made.addresses.rest_url.resources())
    assert {resource._name for resource in waited_for} == {"resnet-address", "resnet-gateway"}


def test_it_is_waited_for_until_its_load_balancer_is_there(cloud):
    cloud.run(a_gateway)

    annotations = cloud.one(GATEWAY)["metadata"]["annotations"]
    assert annotations == {"pulumi.com/waitFor": "condition=Programmed"}
    for other in (ROUTE, HEALTH, POLICY):
        assert "annotations" not in cloud.one(other)["metadata"]


def test_what_keeps_others_out_is_there_before_it_and_goes_after_it(cloud):
    cloud.run(lambda: a_gateway(**OFFICE))

    assert cloud.waits_for(GATEWAY) >= {"resnet-health", "resnet-backend", "resnet-route"}
    assert "resnet-clients" in cloud.waits_for(POLICY)


@pytest.mark.parametrize("call", [":predict", ":classify", ":regress", "/metadata"])
def test_it_lets_predictions_and_metadata_through(cloud, call):
    cloud.run(a_gateway)

    assert lets_through(cloud, f"/v1/models/resnet{call}")


@pytest.mark.parametrize("which", ["/versions/3", "/labels/stable"])
@pytest.mark.parametrize("call", [":predict", ":classify", ":regress", "/metadata"])
def test_it_lets_those_of_any_version_through(cloud, which, call):
    cloud.run(a_gateway)

    assert lets_through(cloud, f"/v1/models/resnet{which}{call}")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1/models/resnet",
        "/v1/models/resnet:metadata",
        "/v1/models/resnet2:predict",
        "/v1/models/bert:predict",
        "/v1/models/resnet/other",
        "/monitoring/prometheus/metrics",
    ],
)
def test_it_lets_nothing_else_through(cloud, path):
    cloud.run(a_gateway)

    assert not lets_through(cloud, path)


def test_each_model_of_a_server_has_its_paths(cloud):
    cloud.run(lambda: a_gateway(models=("resnet", "bert")))

    assert lets_through(cloud, "/v1/models/resnet:predict")
    assert lets_through(cloud, "/v1/models/bert:predict")
    route = cloud.one(ROUTE, "resnet-route")
    assert route["spec"]["parentRefs"] == [{"name": "resnet"}]
    for rule in route["spec"]["rules"]:
        assert rule["backendRefs"] == [{"name": "resnet-service", "port": 8501}]


def test_requests_go_to_pods_that_answer_the_health_check(cloud):
    cloud.run(a_gateway)

    spec = cloud.one(HEALTH, "resnet-health")["spec"]
    assert spec["targetRef"] == {"group": "", "kind": "Service", "name": "resnet-service"}
    assert spec["default"] == {
        "checkIntervalSec": 10,
        "timeoutSec": 5,
        "healthyThreshold": 2,
        "unhealthyThreshold": 3,
        "config": {
            "type": "HTTP",
            "httpHealthCheck": {
                "portSpecification": "USE_FIXED_PORT",
                "port": 8501,
                "requestPath": "/v1/models/resnet/metadata",
            },
        },
    }


def test_a_pod_that_goes_has_the_time_that_its_drain_gives(cloud):
    cloud.run(a_gateway)

    spec = cloud.one(POLICY, "resnet-backend")["spec"]
    assert spec["targetRef"] == {"group": "", "kind": "Service", "name": "resnet-service"}
    assert spec["default"] == {
        "timeoutSec": 30,
        "connectionDraining": {"drainingTimeoutSec": 25},
    }


def test_an_answer_that_takes_long_is_not_cut_off(cloud):
    cloud.run(lambda: a_gateway(deregistration_seconds=300))

    assert cloud.one(POLICY)["spec"]["default"]["timeoutSec"] == 301


def test_only_named_networks_reach_it(cloud):
    cloud.run(lambda: a_gateway(**OFFICE))

    clients = cloud.one(CLIENTS, "resnet-clients")
    assert clients["type"] == "CLOUD_ARMOR"
    assert clients["rules"] == [
        {
            "action": "allow",
            "priority": 1000,
            "match": {
                "versionedExpr": "SRC_IPS_V1",
                "config": {"srcIpRanges": ["203.0.113.0/24"]},
            },
        },
        {
            "action": "deny(403)",
            "priority": 2147483647,
            "match": {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["*"]}},
        },
    ]
    assert cloud.one(POLICY)["spec"]["default"]["securityPolicy"] == "resnet-clients"


def test_a_rule_takes_ten_networks_and_there_are_as_many_rules_as_it_takes(cloud):
    cidrs = tuple(f"203.0.113.{each}/32" for each in range(21))
    cloud.run(lambda: a_gateway(scope="public", cidrs=cidrs))

    *allowing, denying = cloud.one(CLIENTS)["rules"]
    ranges = [rule["match"]["config"]["srcIpRanges"] for rule in allowing]
    assert [len(each) for each in ranges] == [10, 10, 1]
    assert [each for some in ranges for each in some] == [*cidrs]
    assert len({rule["priority"] for rule in allowing}) == 3
    assert denying["action"] == "deny(403)"


def test_for_everybody_there_is_no_security_policy(cloud):
    cloud.run(lambda: a_gateway(scope="public", open_to_world=True))

    assert CLIENTS not in cloud.types()
    assert "securityPolicy" not in cloud.one(POLICY)["spec"]["default"]


def test_an_internal_one_for_some_networks_is_refused(cloud):
    with pytest.raises(ValueError, match="cannot tell its clients by their networks"):
        cloud.run(lambda: a_gateway(cidrs=("10.0.0.0/8",)))


def test_all_of_it_is_the_models(cloud):
    cloud.run(lambda: a_gateway(**OFFICE))

    for kind in (GATEWAY, ROUTE, HEALTH, POLICY):
        metadata = cloud.one(kind)["metadata"]
        assert (metadata["name"], metadata["namespace"]) == ("resnet", "serving")
        assert metadata["labels"] == {
            "app.kubernetes.io/name": "tensorflow-serving",
            "app.kubernetes.io/instance": "resnet",
        }
    for kind in (GATEWAY, ROUTE, HEALTH, POLICY, CLIENTS, GLOBAL):
        assert cloud.parent_of(kind) == f"{COMPONENT}::resnet"
