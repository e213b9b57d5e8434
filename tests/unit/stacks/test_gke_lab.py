"""The shipped `gke`: what it registers is what the lab GSP777 describes, value by value."""

import json
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest

import settings
import stacks
from planning.capacity import gke_allocatable
from planning.machine_types import machine_type
from settings.daemon_sets import GkeDaemonSetRequests
from settings.servers import requested
from stacks.outputs import StackOutputs
from tests.unit.conftest import Cloud, open_cloud
from tests.unit.stack_files import MODELS, ROOT, config_of, configure, faults_of, put

ACCOUNT = "gcp:serviceaccount/account:Account"
BUCKET = "gcp:storage/bucket:Bucket"
CLUSTER = "gcp:container/cluster:Cluster"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
POOL = "gcp:container/nodePool:NodePool"
READER = "gcp:storage/bucketIAMMember:BucketIAMMember"
SCALER = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
SERVICE = "kubernetes:core/v1:Service"
NAME = "image-classifier"
SELECTOR = {
    "app.kubernetes.io/name": "tensorflow-serving",
    "app.kubernetes.io/instance": NAME,
}
REPLICAS = f"{MODELS}.{NAME}.replicas"


def lab_config() -> dict[str, Any]:
    return config_of(ROOT / "Pulumi.gke.yaml")


def deploy(cloud: Cloud, config: dict[str, Any]) -> StackOutputs:
    configure(config)
    return cloud.run(lambda: stacks.deploy(settings.load()))


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """One cloud for all that ask what `gke` registers: nothing else is deployed to it."""
    with open_cloud() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def lab(cloud: Cloud) -> StackOutputs:
    return deploy(cloud, lab_config())


@pytest.fixture
def pod(cloud: Cloud, lab: StackOutputs) -> Any:
    return cloud.one(DEPLOYMENT)["spec"]["template"]["spec"]


@pytest.fixture
def server(pod: Any) -> Any:
    (server,) = pod["containers"]
    return server


@pytest.fixture
def fetcher_environment(pod: Any) -> dict[str, str]:
    (fetcher,) = pod["initContainers"]
    return {each["name"]: each["value"] for each in fetcher["env"]}


def test_the_cluster_has_its_name_and_its_zone(cloud, lab):
    cluster = cloud.one(CLUSTER)

    assert (cluster["name"], cluster["location"]) == ("cluster-1", "us-central1-f")
    assert cluster["project"] == "tfserving-lab"
    assert "nodeLocations" not in cluster


def test_its_version_is_a_channels_and_none_that_floats(cloud, lab):
    cluster = cloud.one(CLUSTER)

    assert cluster["releaseChannel"] == {"channel": "REGULAR"}
    assert "minMasterVersion" not in cluster
    assert "version" not in cloud.one(POOL)


def test_one_to_three_nodes_in_all_and_one_at_first(cloud, lab):
    pool = cloud.one(POOL, "default-pool")

    assert pool["autoscaling"] == {"totalMinNodeCount": 1, "totalMaxNodeCount": 3}
    assert pool["initialNodeCount"] == 1
    assert pool["nodeLocations"] == ["us-central1-f"]
    assert "nodeCount" not in pool


def test_the_size_of_the_pool_is_the_autoscalers_after_that(cloud, lab):
    assert cloud.one(POOL)["ignoreNodeCountChanges"] is True
    assert "initialNodeCount" in cloud.options(POOL).ignoreChanges


def test_its_nodes_are_on_demand_with_4_vcpus_and_15_gib(cloud, lab):
    node = cloud.one(POOL)["nodeConfig"]
    machine = machine_type(node["machineType"])

    assert node["machineType"] == "n1-standard-4"
    assert machine is not None
    assert (machine.vcpus, machine.memory_mib) == (4, 15 * 1024)
    assert node["spot"] is False
    assert "guestAccelerators" not in node
    assert node["taints"] == []


def test_its_nodes_are_private_and_run_as_an_account_that_reads_no_models(cloud, lab):
    account = cloud.one(POOL)["nodeConfig"]["serviceAccount"]
    grants = cloud.all("gcp:projects/iAMMember:IAMMember").values()

    assert cloud.one(CLUSTER)["privateClusterConfig"] == {"enablePrivateNodes": True}
    assert cloud.one(ACCOUNT)["accountId"] == "cluster-1-nodes-us-central1-f"
    assert {each["member"] for each in grants} == {f"serviceAccount:{account}"}
    assert {each["role"] for each in grants} == {
        "roles/container.defaultNodeServiceAccount",
        "roles/artifactregistry.reader",
    }
    assert account not in json.dumps(cloud.one(READER))


def test_the_bucket_has_the_name_of_its_project(cloud, lab):
    bucket = cloud.one(BUCKET)

    assert bucket["name"] == f"{cloud.one(CLUSTER)['project']}-bucket" == "tfserving-lab-bucket"
    assert bucket["location"] == "US-CENTRAL1"


def test_the_bucket_goes_with_the_lab_and_its_models(cloud, lab):
    assert cloud.one(BUCKET)["forceDestroy"] is True
    assert cloud.options(BUCKET).protect is False


def test_the_model_is_fetched_from_its_folder_of_the_bucket(cloud, lab, fetcher_environment):
    told = fetcher_environment

    assert f"gs://{told['BUCKET']}" == cloud.value(lab.model_bucket)
    assert told["KEY"] == "resnet_101/1"
    assert told["TARGET"] == "/models/image_classifier/1"
    assert told["RCLONE_CONFIG_MODELS_TYPE"] == "gcs"


def test_its_pods_read_that_folder_and_nothing_else(cloud, lab, pod, fetcher_environment):
    reader = cloud.one(READER)
    folder = f"projects/_/buckets/{fetcher_environment['BUCKET']}/objects/resnet_101/"

    assert reader["role"] == "roles/storage.objectViewer"
    assert pod["serviceAccountName"] == NAME
    assert reader["member"].endswith(
        f"projects/123456789012/locations/global/workloadIdentityPools/"
        f"tfserving-lab.svc.id.goog/subject/ns/serving/sa/{NAME}"
    )
    assert reader["condition"]["expression"] == (
        f'resource.type != "storage.googleapis.com/Object" || resource.name.startsWith("{folder}")'
    )


def test_the_server_is_told_the_model_and_where_it_is_on_disk(cloud, lab, pod, server):
    config = cloud.one(CONFIG_MAP)

    assert config["data"]["models.config"] == (
        "model_config_list {\n"
        "  config {\n"
        '    name: "image_classifier"\n'
        '    base_path: "/models/image_classifier"\n'
        '    model_platform: "tensorflow"\n'
        "    model_version_policy { specific { versions: 1 } }\n"
        "  }\n"
        "}\n"
    )
    folders = {each["name"]: each["mountPath"] for each in server["volumeMounts"]}
    assert folders["models"] == "/models"
    assert f"--model_config_file={folders['config']}/models.config" in server["args"]
    volumes = {each["name"]: each for each in pod["volumes"]}
    assert volumes["config"]["configMap"] == {"name": config["metadata"]["name"]}


def test_no_keys_and_no_remote_paths_reach_the_server(cloud, lab, server):
    assert "kubernetes:core/v1:Secret" not in cloud.types()
    assert "gcp:serviceaccount/key:Key" not in cloud.types()
    assert "GOOGLE_APPLICATION_CREDENTIALS" not in json.dumps(cloud.one(DEPLOYMENT))
    assert "gs://" not in json.dumps(server)
    assert "env" not in server
    assert "--file_system_poll_wait_seconds=0" in server["args"]


def test_it_has_one_replica_at_first_and_the_autoscalers_count_then(cloud, lab, server):
    deployment = cloud.one(DEPLOYMENT)

    assert deployment["metadata"]["name"] == NAME
    assert deployment["metadata"]["namespace"] == "serving"
    assert deployment["spec"]["selector"] == {"matchLabels": SELECTOR}
    assert deployment["spec"]["replicas"] == 1
    assert "spec.replicas" in cloud.options(DEPLOYMENT).ignoreChanges
    assert (server["name"], server["image"]) == ("serving", "tensorflow/serving:2.19.1")


def test_a_pod_requests_3_cpus_and_computes_with_3_threads(server):
    assert server["resources"] == {
        "requests": {"cpu": "3", "memory": "4Gi"},
        "limits": {"memory": "4Gi"},
    }
    assert "--tensorflow_intra_op_parallelism=3" in server["args"]


def test_a_pod_is_ready_when_its_model_can_be_asked(server):
    available = {"path": "/v1/models/image_classifier/metadata", "port": "rest"}

    assert server["readinessProbe"]["httpGet"] == available
    assert server["readinessProbe"]["periodSeconds"] == 5
    assert server["startupProbe"]["httpGet"] == available
    ports = {each["name"]: each["containerPort"] for each in server["ports"]}
    assert ports == {"grpc": 8500, "rest": 8501}


def test_its_load_balancer_has_both_ports_for_named_networks(cloud, lab):
    service = cloud.one(SERVICE, f"{NAME}-external")

    assert service["metadata"]["name"] == f"{NAME}-external"
    assert service["metadata"]["namespace"] == "serving"
    assert service["spec"]["type"] == "LoadBalancer"
    assert service["spec"]["selector"] == SELECTOR
    assert {
        (each["name"], each["port"], each["targetPort"]) for each in service["spec"]["ports"]
    } == {
        ("tf-serving-grpc", 8500, 8500),
        ("tf-serving-http", 8501, 8501),
    }
    assert service["spec"]["loadBalancerSourceRanges"] == ["203.0.113.0/24"]
    assert cloud.one(SERVICE, f"{NAME}-service")["spec"]["type"] == "ClusterIP"


def test_the_outputs_tell_both_of_its_addresses(cloud, lab):
    served = lab.models[NAME]

    assert cloud.value(served.public_url) == "http://203.0.113.8:8501/v1/models/image_classifier"
    assert cloud.value(served.load_balanced_grpc_address) == "203.0.113.8:8500"


def test_it_scales_from_one_to_three_at_60_percent(cloud, lab):
    scaler = cloud.one(SCALER)["spec"]

    assert scaler["scaleTargetRef"]["name"] == NAME
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (1, 3)
    assert scaler["metrics"] == [
        {
            "type": "Resource",
            "resource": {
                "name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": 60},
            },
        }
    ]


def test_replicas_go_after_five_minutes_and_one_stays(cloud, lab):
    scaler = cloud.one(SCALER)["spec"]

    assert scaler["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 300
    assert scaler["minReplicas"] == cloud.one(POOL)["autoscaling"]["totalMinNodeCount"] == 1


def test_one_pod_has_room_on_a_node_and_three_on_all(cloud, lab):
    configure(lab_config())
    model = settings.load().models[NAME]
    machine = machine_type(cloud.one(POOL)["nodeConfig"]["machineType"])
    assert machine is not None
    agents = GkeDaemonSetRequests()

    allocatable = gke_allocatable(machine)
    left = allocatable.without(requested(agents, agents.pods))
    assert (allocatable.millicores, left.millicores) == (3920, 3070)
    assert allocatable.holds(requested(model.requests)) == 1
    assert left.holds(requested(model.requests)) == 1
    assert cloud.one(POOL)["autoscaling"]["totalMaxNodeCount"] == model.replicas.maximum == 3


def test_four_replicas_are_refused_with_the_arithmetic(cloud):
    config = lab_config()
    put(config, f"{REPLICAS}.maximum", 4)

    assert faults_of(config) == [
        f"{REPLICAS}.maximum: must be at most 3, or allow_unplaceable_replicas: true: its pools "
        "hold 3 = 3 nodes of default-pool x 1 (3070m CPU, a pod 3000m); got 4"
    ]


def test_up_to_9_cpus_are_requested_and_12_if_it_may_be(cloud, monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(pulumi, "warn", said.append)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    config = lab_config()
    put(config, f"{REPLICAS}.maximum", 4)
    put(config, f"{MODELS}.{NAME}.allow_unplaceable_replicas", True)
    configure(config)

    model = settings.load().models[NAME]

    cpus = [count * int(model.requests.cpu) for count in range(1, model.replicas.maximum + 1)]
    assert cpus == [3, 6, 9, 12]
    assert said == [
        f"{REPLICAS}.maximum: only 3 can be placed, the rest stays pending: its pools hold 3 = "
        "3 nodes of default-pool x 1 (3070m CPU, a pod 3000m); got 4"
    ]


def test_it_is_deployed_before_its_model_is_published():
    config = lab_config()
    del config[MODELS]

    with open_cloud() as cloud:
        assert deploy(cloud, config).models == {}
        assert DEPLOYMENT not in cloud.types()
        assert BUCKET in cloud.types()
