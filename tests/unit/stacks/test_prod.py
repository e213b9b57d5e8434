"""The shipped `prod`: what it registers is what the Spot article describes, value by value."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

import settings
import stacks
from planning.capacity import node_capacity
from planning.instance_types import instance_types
from stacks.outputs import StackOutputs
from tests.unit.conftest import Cloud, open_cloud
from tests.unit.stack_files import MODELS, ROOT, config_of, configure

CLUSTER = "TensorFlowServingCluster"
BUCKET = "aws:s3/bucket:Bucket"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
GROUP = "aws:autoscaling/group:Group"
MANAGED_GROUP = "aws:eks/nodeGroup:NodeGroup"
RELEASE = "kubernetes:helm.sh/v3:Release"
SCALER = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
SMALL, LARGE = (f"{CLUSTER}-prod-{shape}-spot" for shape in ("4vcpu-16gb", "8vcpu-32gb"))
TYPES = {
    SMALL: (
        "m5.xlarge",
        "m5d.xlarge",
        "m4.xlarge",
        "t3.xlarge",
        "t3a.xlarge",
        "m5a.xlarge",
        "t2.xlarge",
    ),
    LARGE: (
        "m5.2xlarge",
        "m5n.2xlarge",
        "m5d.2xlarge",
        "m5dn.2xlarge",
        "m5a.2xlarge",
        "m4.2xlarge",
    ),
}
both = pytest.mark.parametrize("pool", [SMALL, LARGE])


def deploy(cloud: Any, config: dict[str, Any]) -> StackOutputs:
    configure(config)
    return cloud.run(lambda: stacks.deploy(settings.load()))


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """One cloud for all that ask what `prod` registers: nothing else is deployed to it."""
    with open_cloud() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def prod(cloud: Cloud) -> StackOutputs:
    return deploy(cloud, config_of(ROOT / "Pulumi.prod.yaml"))


def test_the_cluster_has_its_name_and_is_protected(cloud, prod):
    cluster = cloud.one("eks:index:Cluster")

    assert cluster["name"] == CLUSTER
    assert cluster["deletionProtection"] is True
    assert cloud.options(BUCKET).protect is True


def test_the_system_group_is_managed_and_in_private_subnets(cloud, prod):
    group = cloud.one(MANAGED_GROUP)

    assert group["capacityType"] == "ON_DEMAND"
    assert group["instanceTypes"] == ["t3.medium"]
    assert group["scalingConfig"] == {"minSize": 3, "desiredSize": 3, "maxSize": 3}
    assert group["labels"] == {"lifecycle": "OnDemand", "intent": "control-apps"}
    assert all("-private-" in subnet for subnet in group["subnetIds"])


def test_there_are_no_other_spot_groups(cloud, prod):
    assert {*cloud.all(GROUP)} == {f"{SMALL}-nodes", f"{LARGE}-nodes"}


@both
def test_a_spot_group_has_its_bounds_and_its_types_in_order(cloud, prod, pool):
    group = cloud.one(GROUP, f"{pool}-nodes")

    assert (group["minSize"], group["maxSize"], group["desiredCapacity"]) == (0, 15, 10)
    overrides = group["mixedInstancesPolicy"]["launchTemplate"]["overrides"]
    assert tuple(each["instanceType"] for each in overrides) == TYPES[pool]


@both
def test_all_of_it_is_spot_at_whatever_price(cloud, prod, pool):
    group = cloud.one(GROUP, f"{pool}-nodes")

    assert group["mixedInstancesPolicy"]["instancesDistribution"] == {
        "onDemandBaseCapacity": 0,
        "onDemandPercentageAboveBaseCapacity": 0,
        "spotAllocationStrategy": "capacity-optimized",
    }


@both
def test_spot_nodes_have_their_labels_and_no_taint(cloud, prod, pool):
    user_data = base64.b64decode(cloud.one(TEMPLATE, f"{pool}-template")["userData"])

    assert yaml.safe_load(user_data)["spec"]["kubelet"]["flags"] == [
        "--node-labels=lifecycle=Ec2Spot,intent=apps,aws.amazon.com/spot=true"
    ]


@both
def test_a_spot_group_has_the_tags_that_its_autoscaler_looks_for(cloud, prod, pool):
    tags = {tag["key"]: tag["value"] for tag in cloud.one(GROUP, f"{pool}-nodes")["tags"]}

    template = "k8s.io/cluster-autoscaler/node-template/label"
    assert (
        tags.items()
        >= {
            "Name": pool,
            f"kubernetes.io/cluster/{CLUSTER}": "owned",
            "k8s.io/cluster-autoscaler/enabled": "true",
            f"k8s.io/cluster-autoscaler/{CLUSTER}": "owned",
            f"{template}/lifecycle": "Ec2Spot",
            f"{template}/intent": "apps",
            f"{template}/aws.amazon.com/spot": "true",
        }.items()
    )


def test_spot_nodes_are_20_at_first_and_30_at_most(cloud, prod):
    groups = cloud.all(GROUP).values()

    assert sum(group["desiredCapacity"] for group in groups) == 20
    assert sum(group["minSize"] for group in groups) == 0
    assert sum(group["maxSize"] for group in groups) == 30


def test_its_autoscaler_has_the_articles_flags_but_does_not_choose_at_random(cloud, prod):
    values = cloud.one(RELEASE, "cluster-autoscaler")["values"]

    assert values["replicaCount"] == 1
    assert values["nodeSelector"] == {"intent": "control-apps"}
    assert values["autoDiscovery"]["clusterName"] == CLUSTER
    assert (
        values["extraArgs"].items()
        >= {
            "v": 4,
            "expander": "least-waste",
            "scale-down-unneeded-time": "2m0s",
            "scale-down-unready-time": "3m0s",
            "scale-down-delay-after-add": "2m0s",
            "scale-down-utilization-threshold": 0.7,
            "expendable-pods-priority-cutoff": -10,
            "max-total-unready-percentage": 75,
            "ok-total-unready-count": 20,
            "max-scale-down-parallelism": 30,
            "balance-similar-node-groups": True,
            "skip-nodes-with-local-storage": False,
        }.items()
    )


def test_its_nodes_are_drained_by_the_termination_handler(cloud, prod):
    values = cloud.one(RELEASE, "aws-node-termination-handler")["values"]

    assert values["enableSqsTerminationDraining"] is True
    assert {*cloud.all("aws:autoscaling/lifecycleHook:LifecycleHook")} == {
        f"{SMALL}-drain",
        f"{LARGE}-drain",
    }


def test_its_load_balancer_controller_is_on_nodes_that_stay(cloud, prod):
    values = cloud.one(RELEASE, "aws-load-balancer-controller")["values"]

    assert values["nodeSelector"] == {"lifecycle": "OnDemand"}
    assert (values["clusterName"], values["region"]) == (CLUSTER, "us-west-2")


def test_the_model_runs_on_spot_nodes_with_its_requests_and_limits(cloud, prod):
    pod = cloud.one(DEPLOYMENT)["spec"]["template"]["spec"]
    (server,) = pod["containers"]

    assert pod["nodeSelector"] == {"lifecycle": "Ec2Spot"}
    assert server["resources"] == {
        "requests": {"cpu": "2", "memory": "2Gi"},
        "limits": {"cpu": "4", "memory": "4Gi"},
    }
    files = cloud.one(CONFIG_MAP)["data"]
    assert 'name: "resnet"' in files["models.config"]
    assert 'base_path: "/models/resnet"' in files["models.config"]


def test_its_load_balancer_faces_the_internet_and_predicts(cloud, prod):
    ingress = cloud.one(INGRESS)

    assert ingress["metadata"]["name"] == "resnet"
    assert ingress["spec"]["ingressClassName"] == "alb"
    annotation = "alb.ingress.kubernetes.io/"
    asked = ingress["metadata"]["annotations"]
    assert asked[f"{annotation}scheme"] == "internet-facing"
    assert asked[f"{annotation}inbound-cidrs"] == "203.0.113.0/24"
    (rule,) = ingress["spec"]["rules"]
    (predict,) = [
        path for path in rule["http"]["paths"] if path["path"] == "/v1/models/resnet:predict"
    ]
    assert predict["backend"]["service"] == {"name": "resnet", "port": {"number": 8501}}
    assert cloud.value(prod.models["resnet"].public_url).endswith("/v1/models/resnet")


def test_its_drain_fits_the_notice_with_three_pods_on_a_node(cloud, prod):
    pod = cloud.one(DEPLOYMENT)["spec"]["template"]["spec"]

    assert pod["terminationGracePeriodSeconds"] == 60
    assert cloud.one(BUDGET)["spec"]["maxUnavailable"] == "25%"


def test_it_scales_from_20_at_half_of_the_cpu_to_what_there_is_room_for(cloud, prod):
    scaler = cloud.one(SCALER)["spec"]

    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (20, 60)
    assert scaler["metrics"] == [
        {
            "type": "Resource",
            "resource": {
                "name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": 50},
            },
        }
    ]


def test_it_has_25_replicas_at_first_and_the_autoscalers_count_then(cloud, prod):
    assert cloud.one(DEPLOYMENT)["spec"]["replicas"] == 25
    assert "spec.replicas" in cloud.options(DEPLOYMENT).ignoreChanges


def test_no_keys_and_no_remote_paths_reach_the_server(cloud, prod):
    (server,) = cloud.one(DEPLOYMENT)["spec"]["template"]["spec"]["containers"]

    assert "kubernetes:core/v1:Secret" not in cloud.types()
    assert "AWS_ACCESS_KEY_ID" not in json.dumps(cloud.one(DEPLOYMENT))
    assert "s3://" not in json.dumps(server)


def test_60_pods_find_room_and_40_from_the_start(cloud, prod):
    per_node = {
        pool: node_capacity(instance_types()[each] for each in types).millicores // 2000
        for pool, types in TYPES.items()
    }

    assert per_node == {SMALL: 1, LARGE: 3}
    assert 15 * per_node[SMALL] + 15 * per_node[LARGE] == 60
    assert 10 * per_node[SMALL] + 10 * per_node[LARGE] == 40


def test_a_hundred_replicas_are_refused_with_the_arithmetic():
    config = config_of(ROOT / "Pulumi.prod.yaml")
    config[MODELS]["resnet"]["replicas"]["maximum"] = 100

    with (
        open_cloud() as cloud,
        pytest.raises(Exception, match=r"replicas.maximum: must be at most 60"),
    ):
        deploy(cloud, config)


def test_it_is_deployed_before_its_models_are_published():
    config = config_of(ROOT / "Pulumi.prod.yaml")
    del config[MODELS]

    with open_cloud() as cloud:
        assert deploy(cloud, config).models == {}
        assert DEPLOYMENT not in cloud.types()
        assert BUCKET in cloud.types()
