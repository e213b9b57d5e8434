"""The shipped `gke-tuned`, and each other configuration of its article in its place."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

import settings
import stacks
from components.kubernetes.quantities import parse_quantity
from planning.capacity import gke_allocatable
from planning.machine_types import MachineType, machine_type
from settings.serving_profiles import serving_profiles
from tests.unit.conftest import Cloud, open_cloud
from tests.unit.stack_files import ROOT, config_of, configure

CLUSTER = "gcp:container/cluster:Cluster"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
POOL = "gcp:container/nodePool:NodePool"
SCALER = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
SERVICE = "kubernetes:core/v1:Service"
NAME = "tfs-server"
PROFILE = "tfserving:serving_profile"
RECOMMENDED = "2n-8c-16r-interop4"
BATCHING_FILE = """\
max_batch_size { value: 128 }
batch_timeout_micros { value: 0 }
max_enqueued_batches { value: 2 }
num_batch_threads { value: 2 }
pad_variable_length_inputs: false
"""


class Row(NamedTuple):
    """A line of the article's matrix."""

    replicas: int
    machine_type: str
    inter_op: int
    intra_op: int
    batching: bool


MATRIX = {
    "8n-2c-4r-interop2": Row(8, "n2-custom-2-4096", 2, 2, False),
    "8n-2c-4r-interop4": Row(8, "n2-custom-2-4096", 4, 2, False),
    "8n-2c-4r-interop8": Row(8, "n2-custom-2-4096", 8, 2, False),
    "4n-4c-8r-interop2": Row(4, "n2-custom-4-8192", 2, 4, False),
    "4n-4c-8r-interop4": Row(4, "n2-custom-4-8192", 4, 4, False),
    "4n-4c-8r-interop8": Row(4, "n2-custom-4-8192", 8, 4, False),
    "2n-8c-16r-interop2": Row(2, "n2-custom-8-16384", 2, 8, False),
    "2n-8c-16r-interop4": Row(2, "n2-custom-8-16384", 4, 8, False),
    "2n-8c-16r-interop8": Row(2, "n2-custom-8-16384", 8, 8, False),
    "2n-8c-64r-interop2": Row(2, "n2-custom-8-65536", 2, 8, False),
    "2n-8c-64r-interop4": Row(2, "n2-custom-8-65536", 4, 8, False),
    "2n-8c-64r-interop8": Row(2, "n2-custom-8-65536", 8, 8, False),
    "2n-8c-64r-interop2-batch": Row(2, "n2-custom-8-65536", 2, 8, True),
    "2n-8c-64r-interop4-batch": Row(2, "n2-custom-8-65536", 4, 8, True),
    "2n-8c-64r-interop8-batch": Row(2, "n2-custom-8-65536", 8, 8, True),
    "2n-8c-16r-interop2-batch": Row(2, "n2-custom-8-16384", 2, 8, True),
}
ALLOCATABLE = {2: 1930, 4: 3920, 8: 7910}


class Fleet(NamedTuple):
    """What one configuration registers."""

    profile: str
    pool: Any
    deployment: Any
    scaler: Any
    files: Any

    @property
    def server(self) -> Any:
        (server,) = self.deployment["spec"]["template"]["spec"]["containers"]
        return server

    @property
    def flags(self) -> dict[str, str]:
        return dict(flag.removeprefix("--").split("=", 1) for flag in self.server["args"])

    @property
    def machine(self) -> MachineType:
        found = machine_type(self.pool["nodeConfig"]["machineType"])
        assert found is not None
        return found


def deploy(cloud: Cloud, config: dict[str, Any]) -> None:
    configure(config)
    cloud.run(lambda: stacks.deploy(settings.load()))


@pytest.fixture(scope="module", params=serving_profiles())
def fleet(request: pytest.FixtureRequest) -> Fleet:
    """One fleet for all that ask about it; its cloud is gone by then."""
    config = {**config_of(ROOT / "Pulumi.gke-tuned.yaml"), PROFILE: request.param}
    with open_cloud() as cloud:
        deploy(cloud, config)
        return Fleet(
            profile=request.param,
            pool=cloud.one(POOL),
            deployment=cloud.one(DEPLOYMENT),
            scaler=cloud.one(SCALER)["spec"],
            files=cloud.one(CONFIG_MAP)["data"],
        )


@pytest.fixture
def shipped() -> Iterator[Cloud]:
    """A cloud that has the file as it is."""
    with open_cloud() as cloud:
        deploy(cloud, config_of(ROOT / "Pulumi.gke-tuned.yaml"))
        yield cloud


def test_there_is_a_profile_for_each_row_of_the_matrix():
    assert [*serving_profiles()] == [*MATRIX]


def test_a_profile_is_its_row_of_the_matrix(fleet):
    assert MATRIX[fleet.profile] == Row(
        replicas=fleet.deployment["spec"]["replicas"],
        machine_type=fleet.pool["nodeConfig"]["machineType"],
        inter_op=int(fleet.flags["tensorflow_inter_op_parallelism"]),
        intra_op=int(fleet.flags["tensorflow_intra_op_parallelism"]),
        batching=fleet.flags["enable_batching"] == "true",
    )


def test_no_autoscaler_changes_the_number_of_replicas(fleet):
    replicas = MATRIX[fleet.profile].replicas

    assert fleet.scaler["minReplicas"] == fleet.scaler["maxReplicas"] == replicas


def test_there_is_a_node_for_each_pod_and_as_many_again_for_a_rollout(fleet):
    replicas = MATRIX[fleet.profile].replicas

    assert fleet.pool["initialNodeCount"] == replicas
    assert fleet.pool["autoscaling"] == {
        "totalMinNodeCount": replicas,
        "totalMaxNodeCount": {8: 16, 4: 8, 2: 4}[replicas],
    }
    assert fleet.deployment["spec"]["strategy"]["rollingUpdate"]["maxSurge"] == "25%"


def test_its_nodes_are_on_demand_and_for_all_pods(fleet):
    node = fleet.pool["nodeConfig"]

    assert node["spot"] is False
    assert node["taints"] == []
    assert "guestAccelerators" not in node


def test_every_fleet_has_16_vcpus(fleet):
    assert fleet.deployment["spec"]["replicas"] * fleet.machine.vcpus == 16


def test_an_operation_has_as_many_threads_as_its_node_has_vcpus(fleet):
    assert int(fleet.flags["tensorflow_intra_op_parallelism"]) == fleet.machine.vcpus


def test_batching_comes_with_its_file_or_not_at_all(fleet):
    if MATRIX[fleet.profile].batching:
        (mount,) = [each for each in fleet.server["volumeMounts"] if each["name"] == "config"]
        assert fleet.flags["enable_batching"] == "true"
        assert fleet.flags["batching_parameters_file"] == f"{mount['mountPath']}/batching.config"
        assert "subPath" not in mount
        assert fleet.files["batching.config"] == BATCHING_FILE
    else:
        assert fleet.flags["enable_batching"] == "false"
        assert "batching_parameters_file" not in fleet.flags
        assert "batching.config" not in fleet.files


def test_a_pod_asks_for_more_than_half_of_its_node_and_less_than_all(fleet):
    asked = fleet.server["resources"]["requests"]
    millicores = int(parse_quantity(asked["cpu"]) * 1000)
    memory_mib = int(parse_quantity(asked["memory"]) / 1024**2)
    had = gke_allocatable(fleet.machine)

    assert had.millicores == ALLOCATABLE[fleet.machine.vcpus]
    assert had.millicores / 2 < millicores < had.millicores
    assert had.memory_mib / 2 < memory_mib < had.memory_mib < fleet.machine.memory_mib


def test_memory_has_a_limit_which_is_the_request(fleet):
    resources = fleet.server["resources"]

    assert resources["limits"] == {"memory": resources["requests"]["memory"]}


def test_the_shipped_profile_is_the_recommended_one(shipped):
    assert config_of(ROOT / "Pulumi.gke-tuned.yaml")[PROFILE] == RECOMMENDED
    assert shipped.one(POOL)["nodeConfig"]["machineType"] == MATRIX[RECOMMENDED].machine_type
    assert shipped.one(DEPLOYMENT)["spec"]["replicas"] == MATRIX[RECOMMENDED].replicas


def test_the_cluster_has_its_name_and_its_zone(shipped):
    cluster = shipped.one(CLUSTER)

    assert (cluster["name"], cluster["location"]) == ("tfs-cluster", "us-central1-c")
    assert cluster["releaseChannel"] == {"channel": "REGULAR"}
    assert shipped.one(POOL)["nodeLocations"] == ["us-central1-c"]


def test_the_shipped_fleet_has_its_names(shipped):
    deployment = shipped.one(DEPLOYMENT)
    (server,) = deployment["spec"]["template"]["spec"]["containers"]
    (fetcher,) = deployment["spec"]["template"]["spec"]["initContainers"]

    assert deployment["metadata"]["name"] == NAME
    assert deployment["metadata"]["labels"]["app.kubernetes.io/instance"] == NAME
    assert shipped.one(SERVICE, f"{NAME}-service")["metadata"]["name"] == NAME
    assert (server["name"], server["image"]) == ("serving", "tensorflow/serving:2.19.1")
    files = shipped.one(CONFIG_MAP)["data"]
    assert 'name: "resnet"' in files["models.config"]
    assert {"name": "KEY", "value": "models/resnet/1"} in fetcher["env"]


def test_its_load_balancer_has_both_ports_for_named_networks(shipped):
    service = shipped.one(SERVICE, f"{NAME}-external")["spec"]
    (server,) = shipped.one(DEPLOYMENT)["spec"]["template"]["spec"]["containers"]

    assert service["type"] == "LoadBalancer"
    assert {each["name"]: each["port"] for each in service["ports"]} == {
        "tf-serving-grpc": 8500,
        "tf-serving-http": 8501,
    }
    assert service["loadBalancerSourceRanges"] == ["203.0.113.0/24"]
    ports = {each["name"]: each["containerPort"] for each in server["ports"]}
    assert ports == {"grpc": 8500, "rest": 8501}
    assert {"--port=8500", "--rest_api_port=8501"} <= {*server["args"]}
