"""Headroom: pods that keep room for a model's, and go when those come."""

from typing import Any

import pytest

from components.kubernetes.headroom import Headroom
from components.kubernetes.pod import Lifecycle
from components.kubernetes.resources import Limits, Requests
from components.kubernetes.spare_pods import SparePodsArgs
from components.kubernetes.taints import Taint
from components.kubernetes.tensorflow_serving import serving_labels
from tests.unit.components.kubernetes.specs import a_spec

DEPLOYMENT = "kubernetes:apps/v1:Deployment"


def deployment(cloud: Any, lifecycle: Lifecycle | None = None, **spec: Any) -> Any:
    args = SparePodsArgs(
        spec=a_spec(headroom=2, **spec),
        namespace="vision",
        priority_class="spare",
        lifecycle=lifecycle,
    )
    cloud.run(lambda: Headroom("resnet", args))
    return cloud.one(DEPLOYMENT)


def test_it_is_as_many_pods_as_the_spec_says_and_nothing_waits_for_them(cloud):
    made = deployment(cloud)

    assert made["spec"]["replicas"] == 2
    assert made["metadata"]["namespace"] == "vision"
    assert made["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}
    assert made["spec"]["strategy"] == {"type": "Recreate"}
    assert cloud.parent_of(DEPLOYMENT) == "tfserving:index:Headroom::resnet"


def test_it_cannot_be_taken_for_a_model_or_a_models_pods(cloud):
    made = deployment(cloud)

    assert "name" not in made["metadata"]
    labels = {"app.kubernetes.io/name": "headroom", "tfserving/model": "resnet"}
    assert made["metadata"]["labels"] == labels
    assert made["spec"]["selector"] == {"matchLabels": labels}
    assert made["spec"]["template"]["metadata"] == {"labels": labels}
    assert not serving_labels("resnet").items() & labels.items()


def test_its_pods_go_at_once_when_a_model_comes(cloud):
    pod = deployment(cloud)["spec"]["template"]["spec"]

    assert pod["priorityClassName"] == "spare"
    assert pod["terminationGracePeriodSeconds"] == 0


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (("1500m", "2Gi"), {"cpu": "1500m", "memory": "2Gi"}),
        # The pod of a model is as large as its fetcher at least.
        (("50m", "1Gi"), {"cpu": "100m", "memory": "1Gi"}),
        (("1", "100Mi"), {"cpu": "1", "memory": "128Mi"}),
    ],
)
def test_it_keeps_room_for_a_pod_of_the_model(cloud, given, kept):
    cpu, memory = given
    limits = Limits(memory="4Gi")
    made = deployment(cloud, requests=Requests(cpu=cpu, memory=memory), limits=limits)

    (pause,) = made["spec"]["template"]["spec"]["containers"]
    assert pause["image"] == "registry.k8s.io/pause:3.10.1"
    assert pause["resources"] == {"requests": kept, "limits": {"memory": kept["memory"]}}


def test_its_pods_run_where_the_models_do(cloud):
    taint = Taint(key="spot", value="yes", effect="NoExecute")
    made = deployment(cloud, node_selector={"intent": "apps"}, tolerations=(taint,))

    pod = made["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"intent": "apps"}
    assert pod["tolerations"] == [
        {"key": "spot", "operator": "Equal", "value": "yes", "effect": "NoExecute"}
    ]
    assert "affinity" not in pod
    assert "initContainers" not in pod


@pytest.mark.parametrize("required", [False, True])
def test_its_pods_keep_to_the_models_lifecycle_as_the_model_does(cloud, required):
    made = deployment(cloud, Lifecycle(value="Ec2Spot", required=required))

    affinity = made["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]
    kind = "required" if required else "preferred"
    assert [*affinity] == [f"{kind}DuringSchedulingIgnoredDuringExecution"]


def test_its_pods_have_no_more_rights_than_they_need(cloud):
    pod = deployment(cloud)["spec"]["template"]["spec"]

    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65_535,
        "runAsGroup": 65_535,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    (pause,) = pod["containers"]
    assert pause["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
