"""The `gke` environment on the real engine: the lab's system, at rest, under load, and edited."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from sandbox.errors import SandboxError
from sandbox.kubernetes_api import Object, section
from sandbox.load import Load, is_ready
from sandbox.machine import BACK_OFF
from tests.sandbox.conftest import Environment, until
from tests.unit.stack_files import config_of, put

MODEL = "image-classifier"
_PLATFORM = "tfserving:platform"
_POOL = f"{_PLATFORM}.pools.default-pool"
_SETTINGS = f"tfserving:models.{MODEL}"
_TYPE = "node.kubernetes.io/instance-type"
_ZONE = "topology.kubernetes.io/zone"


@pytest.fixture(scope="module")
def gke(clone: Path) -> Iterator[Environment]:
    """The shipped `gke` environment, deployed."""
    environment = Environment(clone, "gke")
    shipped = environment.file.read_text()
    environment.engine.deploy()
    yield environment
    environment.file.write_text(shipped)
    environment.end()


@pytest.fixture(scope="module")
def regional(clone: Path) -> Iterator[Environment]:
    """An environment of another region, machine and limits, on Spot with a fallback."""
    config = config_of(clone / "Pulumi.gke.yaml")
    selector = {"cloud.google.com/compute-class": "serving"}
    for path, value in {
        f"{_PLATFORM}.name": "regional",
        f"{_PLATFORM}.location": "europe-west4",
        f"{_PLATFORM}.model_bucket": {},
        f"{_PLATFORM}.network.proxy_cidr": "10.70.0.0/24",
        f"{_PLATFORM}.pools": {
            "base": {
                "kind": "on_demand",
                "machine_type": "e2-standard-4",
                "nodes_per_zone": {"minimum": 1, "initial": 1, "maximum": 2},
                "labels": {"role": "base"},
            },
            "serving": {
                "kind": "spot",
                "machine_type": "n2-highcpu-8",
                "nodes_in_total": {"minimum": 1, "initial": 3, "maximum": 6},
                "labels": {"role": "models"},
                # A load balancer takes as long as half of the default to let a pod go.
                "shutdown_grace_seconds": 120,
                "fallback": {"nodes_in_total": {"minimum": 0, "initial": 0, "maximum": 2}},
            },
        },
        f"{_SETTINGS}.replicas": {"minimum": 3, "initial": 3, "maximum": 8},
        f"{_SETTINGS}.requests": {"cpu": "6", "memory": "4Gi"},
        f"{_SETTINGS}.node_selector": selector,
        f"{_SETTINGS}.longest_request_seconds": 2,
        f"{_SETTINGS}.grpc_connection_age_seconds": 2,
        f"{_SETTINGS}.expose": {"kind": "gateway"},
    }.items():
        put(config, path, value)
    (clone / "Pulumi.regional.yaml").write_text(yaml.safe_dump({"config": config}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(BACK_OFF, "30")
        environment = Environment(clone, "regional")
    environment.engine.deploy()
    yield environment
    environment.end()


def ready(environment: Environment) -> list[Object]:
    return [pod for pod in environment.pods(MODEL) if is_ready(pod)]


def allocatable(environment: Environment, **labels: str) -> set[tuple[str, str]]:
    found = (node["status"]["allocatable"] for node in environment.nodes(**labels))
    return {(each["cpu"], each["memory"]) for each in found}


def node_names(environment: Environment) -> set[str]:
    return {each["metadata"]["name"] for each in environment.nodes(role="models")}


def on_demand_nodes(environment: Environment) -> list[Object]:
    spot = "cloud.google.com/gke-spot"
    found = environment.nodes(role="models")
    return [each for each in found if spot not in each["metadata"]["labels"]]


def ended_at(environment: Environment, uid: str) -> float | None:
    """Return when a pod failed, in seconds as `time.time` has them."""
    for pod in environment.pods(MODEL):
        if pod["metadata"]["uid"] == uid and pod["status"]["phase"] == "Failed":
            (ready,) = (each for each in pod["status"]["conditions"] if each["type"] == "Ready")
            return datetime.fromisoformat(ready["lastTransitionTime"]).timestamp()
    return None


def quiet(environment: Environment) -> None:
    engine = environment.engine
    engine.pulumi("preview", "--expect-no-changes", quiet=True)
    engine.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes", quiet=True)


def test_it_begins_with_one_node_of_the_labs_machine_in_the_labs_zone(gke):
    (node,) = gke.nodes()

    assert node["metadata"]["labels"][_TYPE] == "n1-standard-4"
    assert node["metadata"]["labels"][_ZONE] == "us-central1-f"
    assert allocatable(gke) == {("3920m", "12380Mi")}


def test_its_pod_runs_and_its_load_balancer_has_an_address_in_the_outputs(gke):
    (pod,) = gke.pods(MODEL)
    outputs = gke.engine.outputs()
    model = outputs["models"][MODEL]

    assert pod["status"]["phase"] == "Running"
    service = gke.api.get("v1", "Service", f"{MODEL}-external", "serving")
    (ingress,) = service["status"]["loadBalancer"]["ingress"]
    assert model["public_url"] == f"http://{ingress['ip']}:8501/v1/models/image_classifier"
    assert model["load_balanced_grpc_address"] == f"{ingress['ip']}:8500"
    assert outputs["model_bucket"] == "gs://tfserving-lab-bucket"
    assert outputs["platform"]["kind"] == "gke"


def test_it_has_neither_changes_nor_drift(gke):
    quiet(gke)


def test_load_makes_pods_and_pods_make_nodes_up_to_three_of_each(gke):
    Load(gke.layout, "gke").offer(MODEL, 20)

    assert until(lambda: len(ready(gke)) == 3, seconds=120)
    assert len(gke.nodes()) == 3
    assert Counter(pod["spec"]["nodeName"] for pod in ready(gke)).most_common(1)[0][1] == 1
    scaler = gke.api.get("autoscaling/v2", "HorizontalPodAutoscaler", MODEL, "serving")
    assert section(scaler, "spec")["maxReplicas"] == 3
    quiet(gke)
    Load(gke.layout, "gke").offer(MODEL, 0)


def test_the_other_kind_of_platform_is_refused_and_nothing_is_changed(gke):
    before = gke.engine.outputs()
    shipped = gke.file.read_text()
    try:
        gke.file.write_text((gke.root / "Pulumi.dev.yaml").read_text())
        with pytest.raises(SandboxError) as refusal:
            gke.engine.pulumi("up", "--yes", "--skip-preview", quiet=True)
    finally:
        gke.file.write_text(shipped)

    assert "tfserving:platform.kind: must stay gke" in str(refusal.value)
    assert "pulumi destroy --stack gke" in str(refusal.value)
    assert gke.engine.outputs() == before


def test_a_wrong_file_is_told_by_key_rule_and_value_and_changes_nothing(gke):
    changes = {
        f"{_PLATFORM}.location": "us-central9",
        f"{_PLATFORM}.project_number": "tfserving-lab",
        f"{_POOL}.nodes_per_zone": {"minimum": 1, "initial": 1, "maximum": 3},
        f"{_POOL}.machine_type": "n1-standard-5",
    }
    before = gke.engine.outputs()
    with gke.edited(changes), pytest.raises(SandboxError) as refusal:
        gke.engine.pulumi("up", "--yes", "--skip-preview", quiet=True)

    for key in (f"{_PLATFORM}.location", f"{_PLATFORM}.project_number", f"{_POOL}.machine_type"):
        assert f"{key}: must be" in str(refusal.value)
    assert f"{_POOL}.nodes_in_total: must not come with nodes_per_zone" in str(refusal.value)
    assert gke.engine.outputs() == before


def test_of_a_region_nodes_are_spread_over_its_zones_with_gkes_own_allocatable(regional):
    zones = Counter(node["metadata"]["labels"][_ZONE] for node in regional.nodes(role="models"))

    assert zones == {"europe-west4-a": 1, "europe-west4-b": 1, "europe-west4-c": 1}
    assert len(regional.nodes(role="base")) == 3
    assert allocatable(regional, role="base") == {("3920m", "13285Mi")}
    assert {cpu for cpu, _ in allocatable(regional, role="models")} == {"7910m"}
    for node in regional.nodes(role="models"):
        assert node["metadata"]["labels"]["cloud.google.com/gke-spot"] == "true"


def test_pods_of_a_compute_class_run_on_its_spot_nodes_behind_a_gateway(regional):
    spot = {node["metadata"]["name"] for node in regional.nodes(role="models")}

    assert {pod["spec"]["nodeName"] for pod in ready(regional)} == spot
    model = regional.engine.outputs()["models"][MODEL]
    assert model["internal_url"].endswith("/v1/models/image_classifier")
    assert model["public_url"] is None
    quiet(regional)


def test_a_spot_node_that_goes_takes_its_pod_with_it_within_the_notice(regional):
    (pod, *_) = ready(regional)
    node, uid = pod["spec"]["nodeName"], pod["metadata"]["uid"]
    grace = pod["spec"]["terminationGracePeriodSeconds"]
    told = int(time.time())  # as exact as a pod's times
    with regional.machine.reached() as cloud:
        assert cloud.interrupt(node, 60).seconds == 60

    ended = until(lambda: ended_at(regional, uid), seconds=90)
    assert ended, "the pod outlived its node"
    assert grace <= ended - told < 60
    assert until(lambda: node not in node_names(regional), seconds=90)
    assert until(lambda: len(ready(regional)) == 3, seconds=60)


def test_without_spot_capacity_the_on_demand_pool_of_the_class_takes_over(regional):
    with regional.machine.reached() as cloud:
        cloud.set_shortage("serving", short=True)
    Load(regional.layout, "regional").offer(MODEL, 40)

    on_demand = until(lambda: on_demand_nodes(regional), seconds=120)
    assert on_demand, "the second priority of the ComputeClass was not tried"
    assert until(lambda: len(ready(regional)) == 5, seconds=60)
    with regional.machine.reached() as cloud:
        cloud.set_shortage("serving", short=False)
    assert until(lambda: len(ready(regional)) == 8, seconds=120)
    Load(regional.layout, "regional").offer(MODEL, 0)
