"""The GKE platform: how its parts are wired, and what it tells those who serve on it."""

from typing import Any

import pytest

import settings
import stacks
from planning.drain import Notice
from stacks import gke
from stacks.outputs import StackOutputs
from stacks.platform import Platform
from tests.unit.stack_files import MODELS, PLATFORM, ROOT, config_of, configure, put

CLUSTER = "gcp:container/cluster:Cluster"
POOL = "gcp:container/nodePool:NodePool"
BUCKET = "gcp:storage/bucket:Bucket"
MEMBER = "gcp:storage/bucketIAMMember:BucketIAMMember"
OBJECT = "gcp:storage/bucketObject:BucketObject"
PROVIDER = "pulumi:providers:kubernetes"
SERVICE = "kubernetes:core/v1:Service"
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
MONITORING = "kubernetes:monitoring.googleapis.com/v1:PodMonitoring"
CLASS = "kubernetes:cloud.google.com/v1:ComputeClass"
GATEWAY = "kubernetes:gateway.networking.k8s.io/v1:Gateway"
MODEL = f"{MODELS}.image-classifier"
TOTAL = {"minimum": 0, "initial": 1, "maximum": 3}
SPOT = {
    "kind": "spot",
    "machine_type": "n2-standard-4",
    "nodes_in_total": TOTAL,
    "fallback": {"nodes_in_total": {"minimum": 0, "initial": 0, "maximum": 2}},
    "labels": {"intent": "apps"},
}
SYSTEM = {"kind": "on_demand", "machine_type": "e2-medium", "nodes_in_total": TOTAL}
STACK_LABELS = {"project": "tfserving", "stack": "test"}
EXISTING = {
    "network": "shared",
    "subnetwork": "nodes",
    "pods_range": "pods",
    "services_range": "services",
    "cidr": "10.8.0.0/16",
}


def config(**changes: object) -> dict[str, Any]:
    """Return the lab's config with other values at some keys of its platform."""
    given = config_of(ROOT / "Pulumi.gke.yaml")
    for key, value in changes.items():
        put(given, f"{PLATFORM}.{key}", value)
    return given


def deploy(cloud: Any, **changes: object) -> Platform:
    configure(config(**changes))
    return cloud.run(lambda: gke.deploy(settings.load().platform))


def serve(cloud: Any, given: dict[str, Any]) -> StackOutputs:
    configure(given)
    return cloud.run(lambda: stacks.deploy(settings.load()))


def spot_config() -> dict[str, Any]:
    given = config(pools={"system": SYSTEM, "serving": SPOT})
    selector = {"cloud.google.com/compute-class": "serving"}
    for key, value in (
        ("node_selector", selector),
        ("longest_request_seconds", 2),
        ("grpc_connection_age_seconds", 2),
        ("expose", None),
    ):
        put(given, f"{MODEL}.{key}", value)
    return given


def ingress_of(cloud: Any) -> list[dict[str, Any]]:
    return cloud.one(POLICY, "image-classifier-network")["spec"]["ingress"]


@pytest.fixture
def platform(cloud):
    return deploy(cloud)


def test_the_cluster_is_in_the_network_of_the_stack(cloud, platform):
    cluster = cloud.one(CLUSTER)

    assert cluster["location"] == "us-central1-f"
    assert "nodeLocations" not in cluster
    assert cluster["resourceLabels"] == STACK_LABELS
    assert cluster["ipAllocationPolicy"] == {
        "clusterSecondaryRangeName": "pods",
        "servicesSecondaryRangeName": "services",
    }
    assert "gcp:compute/routerNat:RouterNat" in cloud.types()


def test_an_existing_network_is_left_as_it_is(cloud):
    platform = deploy(cloud, network=EXISTING)

    assert not {typ for typ in cloud.types() if typ.startswith("gcp:compute/")}
    assert cloud.one(CLUSTER)["subnetwork"] == "nodes"
    assert platform.description.entrance is not None
    assert platform.description.entrance.cidrs == ("10.8.0.0/16",)


def test_a_region_has_its_nodes_in_three_zones(cloud):
    zones = ["europe-west4-a", "europe-west4-b", "europe-west4-c"]
    platform = deploy(cloud, location="europe-west4")

    assert cloud.one(CLUSTER)["nodeLocations"] == zones
    assert cloud.one(POOL)["nodeLocations"] == zones
    assert cloud.one(BUCKET)["location"] == "EUROPE-WEST4"
    assert platform.description.region == platform.description.location == "europe-west4"


def test_nodes_run_as_an_account_of_their_own_that_has_its_roles(cloud, platform):
    assert (
        cloud.one(POOL)["nodeConfig"]["serviceAccount"]
        == cloud.one(CLUSTER)["nodeConfig"]["serviceAccount"]
    )
    waits = cloud.waits_for("tfserving:index:GkeNodePool")
    assert any("account" in each or "roles" in each or "node" in each for each in waits)


def test_kubernetes_is_reached_by_the_clusters_name(cloud, platform):
    assert cloud.one(PROVIDER)["clusterIdentifier"] == "cluster-1"
    assert cloud.value_is_secret(platform.kubeconfig)


def test_a_spot_pool_with_a_fallback_is_two_pools_of_one_class(cloud):
    serve(cloud, spot_config())

    pools = {name: each for name, each in cloud.all(POOL).items() if name != "system"}
    label = {"cloud.google.com/compute-class": "serving", "intent": "apps"}
    assert {name: each["nodeConfig"]["spot"] for name, each in pools.items()} == {
        "serving": True,
        "serving-on-demand": False,
    }
    assert all(each["nodeConfig"]["labels"] == label for each in pools.values())
    assert pools["serving-on-demand"]["autoscaling"]["totalMaxNodeCount"] == 2
    assert [each["nodepools"] for each in cloud.one(CLASS)["spec"]["priorities"]] == [
        ["serving"],
        ["serving-on-demand"],
    ]


def test_pods_of_a_class_put_up_with_its_taint(cloud):
    outputs = serve(cloud, spot_config())
    pod = cloud.one("kubernetes:apps/v1:Deployment")["spec"]["template"]["spec"]

    key = "cloud.google.com/compute-class"
    toleration = {"key": key, "operator": "Equal", "value": "serving", "effect": "NoSchedule"}
    assert pod["tolerations"] == [toleration]
    assert pod["nodeSelector"] == {key: "serving"}
    assert pod["terminationGracePeriodSeconds"] <= 15
    pool = outputs.platform.pools["serving"]
    assert pool.labels == {"intent": "apps", key: "serving"}
    assert [(each.key, each.value) for each in pool.taints] == [(key, "serving")]
    assert pool.fallback is not None
    assert (pool.maximum, pool.fallback.maximum) == (3, 2)
    assert outputs.platform.notice == Notice(seconds=15, reaction_seconds=0)
    assert outputs.platform.spot_vcpus == 12


def test_a_pool_without_a_fallback_has_no_class(cloud, platform):
    assert CLASS not in cloud.types()
    assert cloud.one(POOL)["nodeConfig"]["labels"] == {}


def test_what_others_serve_on_it_by_is_told(cloud, platform):
    described = platform.description

    assert (described.kind, described.region, described.location) == (
        "gke",
        "us-central1",
        "us-central1-f",
    )
    assert described.project is not None
    assert (described.project.id, described.project.number) == ("tfserving-lab", "123456789012")
    pool = described.pools["default-pool"]
    assert (pool.kind, pool.instance_types) == ("on_demand", ("n1-standard-4",))
    assert (pool.minimum, pool.maximum, pool.vcpus) == (1, 3, 4)
    assert pool.node_capacity.cpu == "3920m"
    assert described.egress == (gke.EGRESS[0],)
    assert described.managed_prometheus


def test_limits_of_each_zone_are_told_for_all_of_them(cloud):
    per_zone = {"kind": "on_demand", "machine_type": "n1-standard-4", "nodes_per_zone": TOTAL}
    platform = deploy(cloud, location="us-east1", pools={"cpu": per_zone})

    assert platform.description.pools["cpu"].maximum == 9


def test_pods_read_their_model_and_nothing_else_as_their_service_account(cloud):
    serve(cloud, config())
    member = cloud.one(MEMBER)

    assert member["member"].endswith(
        "/workloadIdentityPools/tfserving-lab.svc.id.goog/subject/ns/serving/sa/image-classifier"
    )
    assert "projects/123456789012/" in member["member"]
    assert "/objects/resnet_101/" in member["condition"]["expression"]


def test_pods_are_let_in_when_a_cluster_has_made_them_known_to_the_project(cloud):
    serve(cloud, config())

    assert "cluster-1-cluster" in cloud.waits_for("tfserving:index:WorkloadIdentity")


def test_the_fetcher_is_told_of_the_bucket_and_the_path(cloud):
    serve(cloud, config())
    pod = cloud.one("kubernetes:apps/v1:Deployment")["spec"]["template"]["spec"]
    (fetcher,) = pod["initContainers"]
    told = {each["name"]: each["value"] for each in fetcher["env"]}

    assert told["KEY"] == "resnet_101/1"
    assert told["TARGET"] == "/models/image_classifier/1"
    assert told["RCLONE_CONFIG_MODELS_ENV_AUTH"] == "true"
    assert not any("AWS" in name or "KEY_ID" in name for name in told)


def test_files_of_a_model_go_into_the_bucket(cloud):
    given = config()
    put(given, f"{MODEL}.source", "models/half-plus-two")
    serve(cloud, given)

    uploaded = cloud.all(OBJECT)
    assert "resnet_101/1/saved_model.pb" in {each["name"] for each in uploaded.values()}
    assert cloud.parent_of(OBJECT, "resnet_101/1/saved_model.pb").startswith(
        "tfserving:index:ModelBucket"
    )


def test_a_load_balancer_lets_named_networks_reach_pods(cloud):
    outputs = serve(cloud, config())
    spec = cloud.one(SERVICE, "image-classifier-external")["spec"]

    assert spec["loadBalancerSourceRanges"] == ["203.0.113.0/24"]
    assert spec["selector"]["app.kubernetes.io/instance"] == "image-classifier"
    balancers = [each for each in ingress_of(cloud) if "ipBlock" in each["from"][0]]
    assert [each["from"] for each in balancers] == [[{"ipBlock": {"cidr": "203.0.113.0/24"}}]]
    assert {port["port"] for port in balancers[0]["ports"]} == {8500, 8501}
    model = outputs.models["image-classifier"]
    assert model.public_url is not None
    assert model.internal_url is None
    assert str(cloud.value(model.public_url)).endswith(":8501/v1/models/image_classifier")


@pytest.mark.parametrize(
    ("expose", "cidrs"),
    [
        ({"scope": "public", "open_to_world": True}, ["0.0.0.0/0"]),
        ({}, ["10.60.0.0/20"]),
        ({"cidrs": ["10.0.0.0/8"]}, ["10.0.0.0/8"]),
        (
            {"kind": "gateway", "scope": "public", "open_to_world": True},
            ["35.191.0.0/16", "130.211.0.0/22"],
        ),
        ({"kind": "gateway"}, ["35.191.0.0/16", "130.211.0.0/22", "10.70.0.0/24"]),
    ],
)
def test_pods_are_reached_from_where_a_balancers_connections_come(cloud, expose, cidrs):
    given = config()
    put(given, f"{PLATFORM}.network.proxy_cidr", "10.70.0.0/24")
    put(given, f"{MODEL}.expose", expose)
    serve(cloud, given)

    (rule,) = [each for each in ingress_of(cloud) if "ipBlock" in each["from"][0]]
    assert [each["ipBlock"]["cidr"] for each in rule["from"]] == cidrs
    assert [port["port"] for port in rule["ports"]] == [8501]
    assert (GATEWAY in cloud.types()) == (expose.get("kind") == "gateway")


def test_its_metrics_are_collected_by_managed_prometheus(cloud):
    serve(cloud, config())

    assert cloud.one(MONITORING)["spec"]["selector"]["matchLabels"] == {
        "app.kubernetes.io/name": "tensorflow-serving",
        "app.kubernetes.io/instance": "image-classifier",
    }
    monitors = [each for each in ingress_of(cloud) if "namespaceSelector" in each["from"][0]]
    names = [
        name
        for each in monitors
        for name in each["from"][0]["namespaceSelector"]["matchExpressions"][0]["values"]
    ]
    assert {"gmp-system", "gke-gmp-system"} <= {*names}


def test_nothing_of_aws_is_made(cloud):
    serve(cloud, config())

    assert not {typ for typ in cloud.types() if typ.startswith(("aws:", "eks:"))}
