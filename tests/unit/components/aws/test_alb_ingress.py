"""AlbIngress: what gets through to a model's pods, from where, and when the load balancer goes."""

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from components.aws.alb_ingress import AlbIngress, AlbIngressArgs
from components.kubernetes.exposure import Backend, ExposureSpec
from tests.unit import conftest

INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
COMPONENT = "tfserving:index:AlbIngress"
CERTIFICATE = "arn:aws:acm:us-west-2:123456789012:certificate/0a1b"
PREFIX = "alb.ingress.kubernetes.io/"


def an_ingress(
    *,
    models: tuple[str, ...] = ("resnet",),
    subnet_ids: tuple[str, ...] = (),
    deregistration_seconds: int = 25,
    **spec: Any,
) -> AlbIngress:
    return AlbIngress(
        "resnet",
        AlbIngressArgs(
            spec=ExposureSpec(**spec),
            backend=Backend(
                namespace="serving",
                service="resnet-service",
                models=models,
                health_path="/v1/models/resnet/metadata",
                deregistration_seconds=deregistration_seconds,
            ),
            network_cidrs=["10.50.0.0/16"],
            subnet_ids=subnet_ids,
        ),
        pulumi.ResourceOptions(provider=k8s.Provider("kubernetes", kubeconfig="{}")),
    )


def annotations(cloud: Any, name: str = "resnet-ingress") -> dict[str, str]:
    given = cloud.one(INGRESS, name)["metadata"]["annotations"]
    return {key.removeprefix(PREFIX): value for key, value in given.items()}


def paths(cloud: Any, name: str = "resnet-ingress") -> list[dict[str, Any]]:
    (rule,) = cloud.one(INGRESS, name)["spec"]["rules"]
    return rule["http"]["paths"]


def lets_through(cloud: Any, path: str, name: str = "resnet-ingress") -> bool:
    """Compare as an ALB does: `*` is any text, and case matters."""
    return any(fnmatchcase(path, each["path"]) for each in paths(cloud, name))


def test_it_is_an_ingress_of_the_controllers_class_with_the_models_name(cloud):
    cloud.run(an_ingress)

    ingress = cloud.one(INGRESS)
    assert ingress["apiVersion"] == "networking.k8s.io/v1"
    assert ingress["spec"]["ingressClassName"] == "alb"
    assert (ingress["metadata"]["name"], ingress["metadata"]["namespace"]) == ("resnet", "serving")
    assert ingress["metadata"]["labels"] == {
        "app.kubernetes.io/name": "tensorflow-serving",
        "app.kubernetes.io/instance": "resnet",
    }
    assert cloud.parent_of(INGRESS) == f"{COMPONENT}::resnet"


def test_unless_said_otherwise_it_is_internal_and_for_its_own_network(cloud):
    cloud.run(an_ingress)

    given = annotations(cloud)
    assert given["scheme"] == "internal"
    assert given["inbound-cidrs"] == "10.50.0.0/16"
    assert json.loads(given["listen-ports"]) == [{"HTTP": 80}]
    assert {"certificate-arn", "ssl-policy", "subnets", "group.name"}.isdisjoint(given)


@pytest.mark.parametrize("scope", ["internal", "public"])
def test_only_named_networks_reach_it(cloud, scope):
    cloud.run(lambda: an_ingress(scope=scope, cidrs=("203.0.113.0/24", "198.51.100.7/32")))

    assert annotations(cloud)["inbound-cidrs"] == "203.0.113.0/24,198.51.100.7/32"


def test_a_public_one_whose_file_names_none_is_for_everybody(cloud):
    cloud.run(lambda: an_ingress(scope="public", open_to_world=True))

    assert annotations(cloud)["scheme"] == "internet-facing"
    assert annotations(cloud)["inbound-cidrs"] == "0.0.0.0/0"


def test_with_a_certificate_it_speaks_current_tls_and_nothing_else(cloud):
    cloud.run(lambda: an_ingress(certificate=CERTIFICATE))

    given = annotations(cloud)
    assert json.loads(given["listen-ports"]) == [{"HTTPS": 443}]
    assert given["certificate-arn"] == CERTIFICATE
    assert given["ssl-policy"] == "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"


def test_requests_go_to_pods_that_answer_the_health_check(cloud):
    cloud.run(an_ingress)

    assert (
        annotations(cloud).items()
        >= {
            "target-type": "ip",
            "healthcheck-path": "/v1/models/resnet/metadata",
            "healthcheck-port": "traffic-port",
            "healthcheck-interval-seconds": "10",
            "healthcheck-timeout-seconds": "5",
            "healthy-threshold-count": "2",
            "unhealthy-threshold-count": "3",
            "success-codes": "200",
        }.items()
    )
    for path in paths(cloud):
        assert path["backend"] == {"service": {"name": "resnet-service", "port": {"number": 8501}}}


def test_a_pod_that_goes_has_the_time_that_its_drain_gives(cloud):
    cloud.run(an_ingress)

    given = annotations(cloud)
    assert given["target-group-attributes"] == "deregistration_delay.timeout_seconds=25"
    assert given["load-balancer-attributes"] == (
        "routing.http.drop_invalid_header_fields.enabled=true,idle_timeout.timeout_seconds=60"
    )


def test_a_long_request_is_not_taken_for_an_idle_connection(cloud):
    cloud.run(lambda: an_ingress(deregistration_seconds=300))

    attributes = annotations(cloud)["load-balancer-attributes"]
    assert attributes.endswith(",idle_timeout.timeout_seconds=301")


@pytest.mark.parametrize("which", ["", "/versions/3", "/labels/stable"])
@pytest.mark.parametrize("call", [":predict", ":classify", ":regress", "/metadata"])
def test_it_lets_predictions_and_metadata_of_any_version_through(cloud, which, call):
    cloud.run(an_ingress)

    assert lets_through(cloud, f"/v1/models/resnet{which}{call}")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1/models/resnet",
        "/v1/models/resnet/versions/3",
        "/v1/models/resnet/labels/stable",
        "/v1/models/resnet-v2:predict",
        "/v1/models/other/metadata",
        "/monitoring/prometheus/metrics",
        "/tensorflow.serving.PredictionService/Predict",
    ],
)
def test_it_lets_nothing_else_through(cloud, path):
    cloud.run(lambda: an_ingress(certificate=CERTIFICATE, grpc=True))

    assert not lets_through(cloud, path)


def test_every_model_of_the_server_has_its_paths(cloud):
    cloud.run(lambda: an_ingress(models=("resnet", "mobilenet")))

    assert lets_through(cloud, "/v1/models/resnet:predict")
    assert lets_through(cloud, "/v1/models/mobilenet:predict")
    assert len(paths(cloud)) == 16


def test_a_path_is_exact_unless_it_has_a_wildcard(cloud):
    cloud.run(lambda: an_ingress(certificate=CERTIFICATE, grpc=True))

    for path in (*paths(cloud), *paths(cloud, "resnet.grpc-ingress")):
        assert path["pathType"] == ("ImplementationSpecific" if "*" in path["path"] else "Exact")
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_PathPatternConditionConfig.html
        assert len(path["path"].replace("resnet", "m" * 63)) <= 128


def test_without_grpc_in_the_file_there_is_none(cloud):
    cloud.run(lambda: an_ingress(certificate=CERTIFICATE))

    assert {*cloud.all(INGRESS)} == {"resnet-ingress"}


def test_grpc_has_an_ingress_whose_name_no_model_can_have(cloud):
    cloud.run(lambda: an_ingress(certificate=CERTIFICATE, grpc=True, cidrs=("203.0.113.0/24",)))

    ingress = cloud.one(INGRESS, "resnet.grpc-ingress")
    assert ingress["metadata"]["name"] == "resnet.grpc"
    given = annotations(cloud, "resnet.grpc-ingress")
    own = {
        "backend-protocol-version": "GRPC",
        "healthcheck-path": "/AWS.ALB/healthcheck",
        "success-codes": "12",
    }
    assert given == {**annotations(cloud), **own}
    assert "backend-protocol-version" not in annotations(cloud)


def test_grpc_can_predict_and_not_load_other_models(cloud):
    cloud.run(lambda: an_ingress(certificate=CERTIFICATE, grpc=True))
    grpc = "resnet.grpc-ingress"

    assert lets_through(cloud, "/tensorflow.serving.PredictionService/Predict", grpc)
    assert lets_through(cloud, "/tensorflow.serving.PredictionService/GetModelMetadata", grpc)
    reload = "/tensorflow.serving.ModelService/HandleReloadConfigRequest"
    assert not lets_through(cloud, reload, grpc)
    assert not lets_through(cloud, "/tensorflow.serving.ModelService/GetModelStatus", grpc)
    (path,) = paths(cloud, grpc)
    assert path["backend"]["service"]["port"] == {"number": 8500}


def test_where_a_load_balancer_goes_may_be_named(cloud):
    cloud.run(lambda: an_ingress(subnet_ids=("subnet-0a", "subnet-0b")))

    assert annotations(cloud)["subnets"] == "subnet-0a,subnet-0b"


def test_it_is_deleted_for_itself(cloud):
    cloud.run(lambda: an_ingress(certificate=CERTIFICATE, grpc=True))

    assert {cloud.options(INGRESS, name).deletedWith for name in cloud.all(INGRESS)} == {""}


def test_annotations_are_texts(cloud):
    cloud.run(lambda: an_ingress(certificate=CERTIFICATE, grpc=True))

    for name in cloud.all(INGRESS):
        values = cloud.one(INGRESS, name)["metadata"]["annotations"]
        assert {type(value) for value in values.values()} == {str}
        assert all(re.fullmatch(re.escape(PREFIX) + "[a-z-]+", key) for key in values)


def test_its_addresses_are_those_of_its_load_balancers(cloud):
    ingress = cloud.run(lambda: an_ingress(certificate=CERTIFICATE, grpc=True))

    addresses = ingress.addresses
    assert cloud.value(addresses.rest_url) == "https://resnet-ingress.elb.invalid"
    assert cloud.value(addresses.grpc_address) == "resnet.grpc-ingress.elb.invalid:443"
    assert cloud.promised(ingress) == {
        "rest_url": "https://resnet-ingress.elb.invalid",
        "grpc_address": "resnet.grpc-ingress.elb.invalid:443",
    }


def test_without_a_certificate_its_address_is_plain_and_without_grpc(cloud):
    ingress = cloud.run(an_ingress)

    assert cloud.value(ingress.addresses.rest_url) == "http://resnet-ingress.elb.invalid"
    assert ingress.addresses.grpc_address is None


@pytest.mark.parametrize("status", [{}, {"loadBalancer": {}}, {"loadBalancer": {"ingress": [{}]}}])
def test_a_preview_in_which_there_is_no_load_balancer_yet_does_not_fail(cloud, status, monkeypatch):
    monkeypatch.setitem(conftest._COMPUTED, INGRESS, lambda _: {"status": status})
    ingress = cloud.run(an_ingress)

    assert cloud.value(ingress.addresses.rest_url) == "http://"
