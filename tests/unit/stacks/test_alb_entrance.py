"""AlbEntrance: load balancers in the network of the cluster, gone before their controller."""

from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from components.aws.controllers.load_balancer_controller import (
    LoadBalancerController,
    LoadBalancerControllerArgs,
    LoadBalancerControllerSpec,
)
from components.kubernetes.exposure import Addresses, Backend, ExposureSpec
from stacks.alb_entrance import AlbEntrance
from stacks.outputs import LoadBalancers
from tests.unit.components.aws.controllers.controllers import PLACE

INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
COMPONENT = "tfserving:index:AlbIngress"
TAGGED = LoadBalancers(kind="alb", cidrs=("10.50.0.0/16",))
NAMED = LoadBalancers(
    kind="alb",
    cidrs=("10.60.0.0/16", "10.61.0.0/16"),
    subnets={"internal": ("subnet-a", "subnet-b"), "public": ("subnet-c", "subnet-d")},
)
BACKEND = Backend(
    namespace="serving",
    service="resnet",
    models=("resnet",),
    health_path="/v1/models/resnet/metadata",
    deregistration_seconds=25,
)


def provider() -> k8s.Provider:
    return k8s.Provider("kubernetes", kubeconfig="{}")


def exposed(place: LoadBalancers, **spec: Any) -> Addresses:
    options = pulumi.ResourceOptions(provider=provider())
    controller = LoadBalancerController(
        "dev",
        LoadBalancerControllerArgs(
            spec=LoadBalancerControllerSpec(), place=PLACE, vpc_id="vpc-0a1b2c3d"
        ),
        options,
    )
    service = k8s.core.v1.Service("service", opts=options)
    return AlbEntrance(place=place, controller=controller).expose(
        "resnet",
        ExposureSpec(**spec),
        BACKEND,
        pulumi.ResourceOptions(provider=options.provider, depends_on=[service]),
    )


def annotations(cloud: Any) -> dict[str, str]:
    return cloud.one(INGRESS)["metadata"]["annotations"]


def test_a_load_balancer_waits_for_the_service_and_the_controller(cloud):
    addresses = cloud.run(lambda: exposed(TAGGED))

    assert cloud.waits_for(COMPONENT) >= {"service", "aws-load-balancer-controller"}
    assert "pulumi:providers:kubernetes::kubernetes" in cloud.options(INGRESS).provider
    assert cloud.value(addresses.rest_url) == "http://resnet-ingress.elb.invalid"


def test_subnets_that_nobody_names_are_found_by_their_tags(cloud):
    cloud.run(lambda: exposed(TAGGED))

    assert "alb.ingress.kubernetes.io/subnets" not in annotations(cloud)
    assert annotations(cloud)["alb.ingress.kubernetes.io/inbound-cidrs"] == "10.50.0.0/16"


@pytest.mark.parametrize(
    ("spec", "subnets"),
    [
        ({}, "subnet-a,subnet-b"),
        ({"scope": "public", "open_to_world": True}, "subnet-c,subnet-d"),
    ],
)
def test_it_goes_to_the_named_subnets_of_its_scope(cloud, spec, subnets):
    cloud.run(lambda: exposed(NAMED, **spec))

    assert annotations(cloud)["alb.ingress.kubernetes.io/subnets"] == subnets


def test_pods_learn_from_where_it_comes_and_wait_until_it_knows_them():
    entrance = AlbEntrance(place=NAMED)

    assert entrance.sources(ExposureSpec()) == ("10.60.0.0/16", "10.61.0.0/16")
    assert entrance.namespace_labels == {"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"}


def test_on_a_platform_of_another_stack_there_is_no_controller_to_wait_for(cloud):
    entrance = AlbEntrance(place=TAGGED)
    cloud.run(
        lambda: entrance.expose(
            "resnet", ExposureSpec(), BACKEND, pulumi.ResourceOptions(provider=provider())
        )
    )

    assert cloud.waits_for(COMPONENT) == set()
