"""ImagePrepull: the images of a model on every node that it may run on."""

from typing import Any

from components.kubernetes.image_prepull import ImagePrepull
from components.kubernetes.model_fetch import FETCHER_IMAGE
from components.kubernetes.spare_pods import SparePodsArgs
from components.kubernetes.tensorflow_serving import serving_labels
from tests.unit.components.kubernetes.specs import a_spec

DAEMON_SET = "kubernetes:apps/v1:DaemonSet"
SMALL = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "512Mi"}}


def daemon_set(cloud: Any) -> Any:
    spec = a_spec(node_selector={"intent": "apps"})
    args = SparePodsArgs(spec=spec, namespace="vision", priority_class="spare")
    cloud.run(lambda: ImagePrepull("resnet", args))
    return cloud.one(DAEMON_SET)


def test_containers_of_both_images_run_and_end(cloud):
    containers = daemon_set(cloud)["spec"]["template"]["spec"]["initContainers"]

    assert [(each["name"], each["image"], each["command"]) for each in containers] == [
        (
            "server",
            "tensorflow/serving:2.19.1",
            ["/usr/bin/tensorflow_model_server", "--version"],
        ),
        ("fetcher", FETCHER_IMAGE, ["rclone", "version"]),
    ]


def test_they_have_no_rights_and_take_little(cloud):
    pod = daemon_set(cloud)["spec"]["template"]["spec"]

    for container in pod["initContainers"]:
        assert container["resources"] == SMALL
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    (pause,) = pod["containers"]
    assert pause["resources"] == {"requests": SMALL["requests"], "limits": {"memory": "32Mi"}}
    assert pod["securityContext"]["runAsNonRoot"] is True


def test_it_is_on_the_models_nodes_and_gives_way_to_the_model(cloud):
    pod = daemon_set(cloud)["spec"]["template"]["spec"]

    assert pod["nodeSelector"] == {"intent": "apps"}
    assert pod["priorityClassName"] == "spare"


def test_a_new_image_is_pulled_everywhere_at_once_and_not_waited_for(cloud):
    made = daemon_set(cloud)

    assert made["spec"]["updateStrategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": "100%"},
    }
    assert made["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}


def test_it_cannot_be_taken_for_the_models_pods(cloud):
    made = daemon_set(cloud)

    labels = {"app.kubernetes.io/name": "images", "tfserving/model": "resnet"}
    assert made["metadata"]["namespace"] == "vision"
    assert made["metadata"]["labels"] == labels
    assert made["spec"]["selector"] == {"matchLabels": labels}
    assert made["spec"]["template"]["metadata"] == {"labels": labels}
    assert not serving_labels("resnet").items() & labels.items()
    assert cloud.parent_of(DAEMON_SET) == "tfserving:index:ImagePrepull::resnet"
