"""What a node is like that a group would start."""

from sandbox.cluster_autoscaler.auto_scaling import space_of_tags
from sandbox.cluster_autoscaler.placement import Space, amounts, new_node
from sandbox.nodes.groups import Group
from sandbox.providers.aws.account import Account
from sandbox.tests.scaled_cluster import daemon_set, node

GPU = {"key": "gpu", "value": "true", "effect": "NoSchedule"}
TEMPLATE = "k8s.io/cluster-autoscaler/node-template"


def group(types: list[str], **tags: str) -> Group:
    overrides = [{"InstanceType": each} for each in types]
    return Group(
        {
            "AvailabilityZones": ["us-west-2b", "us-west-2a"],
            "MixedInstancesPolicy": {"LaunchTemplate": {"Overrides": overrides}},
            "Tags": [{"Key": f"{TEMPLATE}/{key}", "Value": tags[key]} for key in tags],
        },
        {"BlockDeviceMappings": [{"Ebs": {"VolumeSize": 100}}]},
    )


def made(account: Account, of: Group, like: dict | None, daemon_sets: list[dict]) -> Space:
    return new_node(like, lambda: space_of_tags(account, of), daemon_sets)


def test_from_zero_a_node_has_what_its_type_and_the_groups_tags_say(account):
    told = {
        "label/pool": "web",
        "label/node.kubernetes.io/instance-type": "told",
        "taint/gpu": "true:NoSchedule",
        "taint/bare": ":NoExecute",
        "resources/nvidia.com/gpu": "2",
        "resources/ephemeral-storage": "50Gi",
        "autoscaling-options/unknown": "1",
    }

    new = made(account, group(["m5.xlarge", "m5.large"], **told), None, [])

    assert new.labels == {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": "told",
        "topology.kubernetes.io/region": "us-west-2",
        "topology.kubernetes.io/zone": "us-west-2b",
        "pool": "web",
    }
    assert new.taints == [GPU, {"key": "bare", "value": "", "effect": "NoExecute"}]
    whole = {"cpu": "3920m", "memory": "14162Mi", "pods": "58", "nvidia.com/gpu": "2"}
    assert new.whole == amounts({**whole, "ephemeral-storage": "50Gi"})


def test_without_tags_a_node_from_zero_has_the_templates_disk(account):
    new = made(account, group(["m5.xlarge"]), None, [])

    assert new.whole["ephemeral-storage"] == 89 * 2**30
    assert new.labels["node.kubernetes.io/instance-type"] == "m5.xlarge"
    assert new.taints == []


def test_like_another_node_means_without_its_name_its_pods_and_what_it_got_since(account):
    since = [
        {"key": key, "effect": "NoSchedule"}
        for key in (
            "ToBeDeletedByClusterAutoscaler",
            "aws-node-termination-handler/spot-itn",
            "node.kubernetes.io/unschedulable",
        )
    ]
    like = node("there", {"pool": "web"}, [GPU, *since], cpu="2")

    new = made(account, group(["m5.24xlarge"], **{"label/pool": "told"}), like, [])

    assert (new.labels, new.taints) == ({"pool": "web"}, [GPU])
    assert new.free == new.whole == amounts({"cpu": "2", "memory": "14162Mi", "pods": "58"})


def test_of_a_new_node_daemon_sets_have_taken_their_share(account):
    tolerates = daemon_set("500m", tolerations=[{"operator": "Exists"}])
    like = node("there", {}, [GPU], cpu="2")

    new = made(account, group(["m5.xlarge"]), like, [tolerates, daemon_set("1")])

    assert (new.free["cpu"], new.free["pods"]) == (1.5, 57)
