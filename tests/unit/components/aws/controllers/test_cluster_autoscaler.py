"""ClusterAutoscaler: which groups it may resize, and what it is told."""

import re
from typing import Any

import pulumi
import pytest

from components.aws.controllers.cluster_autoscaler import (
    ClusterAutoscaler,
    ClusterAutoscalerArgs,
    ClusterAutoscalerSpec,
    ScaleDownSpec,
    cluster_autoscaler_policy,
)
from components.aws.controllers.versions import CLUSTER_AUTOSCALER_IMAGES
from components.aws.eks_cluster import ADDON_VERSIONS
from components.kubernetes.taints import Taint
from components.spec import SpecError
from tests.unit.components.aws.controllers.controllers import (
    ASSOCIATION,
    PLACE,
    POLICY,
    RELEASE,
    allowed,
    provider,
    statements,
    values_of,
)


def an_autoscaler(priorities: Any = None, **spec: Any) -> ClusterAutoscaler:
    return ClusterAutoscaler(
        "dev",
        ClusterAutoscalerArgs(
            spec=ClusterAutoscalerSpec(**spec),
            place=PLACE,
            kubernetes_version="1.35",
            priorities=priorities or {},
        ),
        pulumi.ResourceOptions(provider=provider()),
    )


def test_a_pinned_chart_is_installed_whole_or_not_at_all(cloud):
    cloud.run(an_autoscaler)

    release = {key: each for key, each in cloud.one(RELEASE).items() if key != "values"}
    assert release == {
        "name": "cluster-autoscaler",
        "namespace": "kube-system",
        "chart": "cluster-autoscaler",
        "version": "9.59.0",
        "repositoryOpts": {"repo": "https://kubernetes.github.io/autoscaler"},
        "atomic": True,
        "timeout": 600,
        "maxHistory": 5,
        "compat": "true",
    }


def test_it_finds_the_groups_of_its_cluster(cloud):
    cloud.run(an_autoscaler)

    values = values_of(cloud)
    assert values["autoDiscovery"] == {"clusterName": "Dev"}
    assert values["awsRegion"] == "us-west-2"
    assert values["cloudProvider"] == "aws"


def test_its_image_is_of_the_clusters_minor_version(cloud):
    cloud.run(an_autoscaler)

    assert values_of(cloud)["image"] == {"tag": "v1.35.2"}


def test_there_is_an_image_for_each_version_whose_addons_are_pinned():
    assert ADDON_VERSIONS.keys() <= CLUSTER_AUTOSCALER_IMAGES.keys()
    for version, image in CLUSTER_AUTOSCALER_IMAGES.items():
        assert re.fullmatch(rf"v{re.escape(version)}\.\d+", image)


def test_it_runs_on_nodes_that_stay(cloud):
    taint = Taint(key="only", value="system")
    cloud.run(lambda: an_autoscaler(tolerations=(taint,), replicas=2))

    values = values_of(cloud)
    assert values["nodeSelector"] == {"eks.amazonaws.com/capacityType": "ON_DEMAND"}
    assert values["tolerations"] == [
        {"key": "only", "operator": "Equal", "value": "system", "effect": "NoSchedule"}
    ]
    assert values["priorityClassName"] == "system-cluster-critical"
    assert values["replicaCount"] == 2


def test_nodes_whose_pods_hold_models_may_go(cloud):
    cloud.run(an_autoscaler)

    arguments = values_of(cloud)["extraArgs"]
    assert arguments["skip-nodes-with-local-storage"] is False
    assert arguments["skip-nodes-with-system-pods"] is False


def test_what_the_file_says_is_what_it_is_told(cloud):
    spec = {
        "expander": "most-pods",
        "max_node_provision_time": "3m",
        "max_unready_percent": 75,
        "max_unready_nodes": 20,
        "scale_down": ScaleDownSpec(
            unneeded_time="2m0s",
            unready_time="3m0s",
            delay_after_add="2m1s",
            utilization_threshold=0.7,
            parallelism=30,
        ),
    }
    cloud.run(lambda: an_autoscaler(**spec))

    arguments = values_of(cloud)["extraArgs"]
    assert (
        arguments.items()
        >= {
            "expander": "most-pods",
            "max-node-provision-time": "3m",
            "max-total-unready-percentage": 75,
            "ok-total-unready-count": 20,
            "scale-down-unneeded-time": "2m0s",
            "scale-down-unready-time": "3m0s",
            "scale-down-delay-after-add": "2m1s",
            "scale-down-utilization-threshold": 0.7,
            "max-scale-down-parallelism": 30,
        }.items()
    )


def test_without_a_fallback_no_group_is_preferred(cloud):
    cloud.run(lambda: an_autoscaler({50: ["spot"]}))

    assert values_of(cloud)["extraArgs"]["expander"] == "least-waste"
    assert values_of(cloud)["expanderPriorities"] == {}


def test_a_fallback_is_tried_when_the_preferred_group_had_its_time(cloud):
    cloud.run(lambda: an_autoscaler({50: ["spot-1", "spot-2"], 10: ["fallback"]}))

    arguments = values_of(cloud)["extraArgs"]
    assert arguments["expander"] == "priority,least-waste"
    assert arguments["max-node-provision-time"] == "5m0s"
    assert values_of(cloud)["expanderPriorities"] == {
        "50": ["^spot-1$", "^spot-2$"],
        "10": ["^fallback$"],
    }


def test_its_pods_have_their_role_before_they_start(cloud):
    cloud.run(an_autoscaler)

    association = cloud.one(ASSOCIATION)
    assert association["serviceAccount"] == "cluster-autoscaler"
    assert association["namespace"] == "kube-system"
    assert values_of(cloud)["rbac"] == {"serviceAccount": {"name": "cluster-autoscaler"}}
    assert cloud.one(POLICY)["policy"] == cluster_autoscaler_policy("Dev")
    assert cloud.waits_for(RELEASE) >= {"dev-cluster-autoscaler-association"}
    assert cloud.parent_of(RELEASE) == "tfserving:index:ClusterAutoscaler::dev"


def test_it_resizes_groups_of_its_cluster_alone():
    (change,) = allowed(cluster_autoscaler_policy("Dev"), "autoscaling:SetDesiredCapacity")

    assert change["Condition"] == {
        "StringEquals": {"aws:ResourceTag/k8s.io/cluster-autoscaler/Dev": "owned"}
    }
    assert ":autoScalingGroup:" in change["Resource"]


def test_what_it_may_do_to_anything_is_to_look():
    for statement in statements(cluster_autoscaler_policy("Dev")):
        if statement["Resource"] == "*":
            names = {action.split(":")[1] for action in statement["Action"]}
            assert {name for name in names if not name.startswith(("Describe", "Get"))} == set()


@pytest.mark.parametrize(
    ("spec", "key", "value"),
    [
        (lambda: ClusterAutoscalerSpec(replicas=0), "replicas", "0"),
        (
            lambda: ClusterAutoscalerSpec(max_node_provision_time="5"),
            "max_node_provision_time",
            "'5'",
        ),
        (lambda: ClusterAutoscalerSpec(max_unready_percent=101), "max_unready_percent", "101"),
        (lambda: ScaleDownSpec(unneeded_time=""), "unneeded_time", "''"),
        (lambda: ScaleDownSpec(unready_time="1d"), "unready_time", "'1d'"),
        (lambda: ScaleDownSpec(delay_after_add="ten"), "delay_after_add", "'ten'"),
        (lambda: ScaleDownSpec(utilization_threshold=0), "utilization_threshold", "0"),
        (lambda: ScaleDownSpec(utilization_threshold=1.1), "utilization_threshold", "1.1"),
        (lambda: ScaleDownSpec(parallelism=0), "parallelism", "0"),
    ],
)
def test_what_cannot_be_is_refused_by_key_and_value(spec, key, value):
    with pytest.raises(SpecError) as error:
        spec()

    assert str(error.value).startswith(f"{key}: ")
    assert str(error.value).endswith(f"got {value}")


def test_it_promises_nothing_but_to_be_there(cloud):
    assert cloud.promised(cloud.run(an_autoscaler)) == {}
