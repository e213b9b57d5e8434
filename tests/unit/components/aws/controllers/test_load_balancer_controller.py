"""LoadBalancerController: which load balancers it may change, and what it is told."""

from typing import Any

import pulumi
import pytest

from components.aws.controllers.load_balancer_controller import (
    LoadBalancerController,
    LoadBalancerControllerArgs,
    LoadBalancerControllerSpec,
    load_balancer_controller_policy,
)
from components.spec import SpecError
from tests.unit.components.aws.controllers.controllers import (
    ASSOCIATION,
    PLACE,
    POLICY,
    RELEASE,
    allowed,
    provider,
    values_of,
)

OURS = {"aws:ResourceTag/elbv2.k8s.aws/cluster": "Dev"}


def a_controller(**spec: Any) -> LoadBalancerController:
    return LoadBalancerController(
        "dev",
        LoadBalancerControllerArgs(
            spec=LoadBalancerControllerSpec(**spec), place=PLACE, vpc_id="vpc-1"
        ),
        pulumi.ResourceOptions(provider=provider()),
    )


def test_a_pinned_chart_and_image_are_installed(cloud):
    cloud.run(a_controller)

    release = cloud.one(RELEASE)
    assert (release["chart"], release["version"]) == ("aws-load-balancer-controller", "3.5.0")
    assert release["repositoryOpts"] == {"repo": "https://aws.github.io/eks-charts"}
    assert release["atomic"] is True
    assert values_of(cloud)["image"] == {"tag": "v3.5.0"}


def test_it_is_told_what_it_cannot_find_out(cloud):
    cloud.run(a_controller)

    values = values_of(cloud)
    assert (values["clusterName"], values["region"], values["vpcId"]) == (
        "Dev",
        "us-west-2",
        "vpc-1",
    )


def test_services_do_not_wait_for_it(cloud):
    cloud.run(a_controller)

    assert values_of(cloud)["enableServiceMutatorWebhook"] is False


def test_it_runs_where_the_file_says(cloud):
    cloud.run(lambda: a_controller(node_selector={"lifecycle": "OnDemand"}, replicas=3))

    values = values_of(cloud)
    assert values["nodeSelector"] == {"lifecycle": "OnDemand"}
    assert values["priorityClassName"] == "system-cluster-critical"
    assert values["replicaCount"] == 3


def test_its_pods_have_their_role_before_they_start(cloud):
    cloud.run(a_controller)

    assert cloud.one(ASSOCIATION)["serviceAccount"] == "aws-load-balancer-controller"
    assert values_of(cloud)["serviceAccount"]["name"] == "aws-load-balancer-controller"
    assert cloud.one(POLICY)["policy"] == load_balancer_controller_policy("Dev")
    assert cloud.waits_for(RELEASE) >= {"dev-load-balancers-association"}
    assert cloud.parent_of(RELEASE) == "tfserving:index:LoadBalancerController::dev"


@pytest.mark.parametrize(
    "action",
    [
        "ec2:DeleteSecurityGroup",
        "elasticloadbalancing:DeleteLoadBalancer",
        "elasticloadbalancing:DeleteTargetGroup",
        "elasticloadbalancing:ModifyLoadBalancerAttributes",
        "elasticloadbalancing:SetSecurityGroups",
    ],
)
def test_it_changes_and_deletes_what_is_its_clusters_alone(action):
    (statement,) = allowed(load_balancer_controller_policy("Dev"), action)

    assert statement["Condition"] == {"StringEquals": OURS}


@pytest.mark.parametrize(
    "action", ["elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup"]
)
def test_it_makes_nothing_without_its_clusters_tag(action):
    (statement,) = allowed(load_balancer_controller_policy("Dev"), action)

    assert statement["Condition"] == {
        "StringEquals": {"aws:RequestTag/elbv2.k8s.aws/cluster": "Dev"}
    }


def test_it_cannot_make_anothers_load_balancer_its_own():
    document = load_balancer_controller_policy("Dev")
    on_balancers = [
        each["Condition"]
        for each in allowed(document, "elasticloadbalancing:AddTags")
        if any("loadbalancer/" in arn for arn in each["Resource"])
    ]

    kept = {"StringEquals": OURS, "Null": {"aws:RequestTag/elbv2.k8s.aws/cluster": "true"}}
    made = {
        "StringEquals": {
            "aws:RequestTag/elbv2.k8s.aws/cluster": "Dev",
            "elasticloadbalancing:CreateAction": ["CreateTargetGroup", "CreateLoadBalancer"],
        }
    }
    assert on_balancers == [made, kept]


def test_a_controller_that_is_none_is_refused():
    with pytest.raises(SpecError, match=r"replicas: must be at least 1.*got 0"):
        LoadBalancerControllerSpec(replicas=0)


def test_it_promises_nothing_but_to_be_there(cloud):
    assert cloud.promised(cloud.run(a_controller)) == {}
