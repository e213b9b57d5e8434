"""What a look at a stack finds, and what a recording of looks holds."""

import base64
import csv
import io
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from moto import mock_aws

from sandbox import nodes
from sandbox.load import MODELS
from sandbox.load.fleet import Fleet, Model, NodeGroup
from sandbox.load.recording import Recording
from sandbox.nodes.aws import Aws
from sandbox.nodes.groups import SHORTAGE
from sandbox.nodes.interruption import NOTICE_ENDS
from sandbox.providers.aws.account import Account
from sandbox.tests.test_load import pod

SERVER = "https://127.0.0.1:1"
LABELS = {"app.kubernetes.io/instance": "m"}
DEPLOYMENT = {"metadata": {"labels": LABELS}, "spec": {"replicas": 1}}
SCALER = {
    "metadata": {"labels": LABELS},
    "spec": {"minReplicas": 1, "maxReplicas": 4},
    "status": {"desiredReplicas": 3},
}


class Api:
    """An API server that holds what it is given, by kind."""

    server = SERVER

    def __init__(self, **held: list[dict]) -> None:
        self._held = held

    def list(self, _: str, kind: str, *, label_selector: str = "") -> list[dict]:
        assert kind == "Node" or label_selector == MODELS
        return self._held.get(kind, [])


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account of the test's own, in this process."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield Account("us-west-2", "dev")


def phased(pod: dict, phase: str) -> dict:
    return {**pod, "status": {**pod["status"], "phase": phase}}


def the_model(account: Account, offered: float, *pods: dict, scalers: list[dict]) -> Model:
    api = Api(Deployment=[DEPLOYMENT], Pod=list(pods), HorizontalPodAutoscaler=scalers)
    (model,) = Fleet.of(api, Aws(account, api), {"m": offered, "gone": 9}).models
    return model


def test_load_beyond_what_the_ready_pods_may_use_is_unserved(account):
    running = [phased(pod(uid), "Running") for uid in "ab"]
    pending = phased(pod("c", ready=False), "Pending")
    ending = phased(pod("d", ready=False, deletionTimestamp="now"), "Pending")

    assert the_model(account, 9.5, *running, pending, ending, scalers=[SCALER]) == Model(
        name="m",
        offered=9.5,
        capacity=8,
        served=8,
        unserved=1.5,
        minimum=1,
        maximum=4,
        desired=3,
        ready=2,
        pending=1,
    )


def test_a_model_without_ready_pods_serves_nothing(account):
    model = the_model(account, 2, scalers=[SCALER])
    assert (model.capacity, model.served, model.unserved) == (0, 0, 2)


def test_a_model_without_limit_and_without_autoscaler_is_told_as_that(account):
    model = the_model(account, 99, phased(pod("a", None), "Running"), scalers=[])

    assert (model.capacity, model.unserved) == (None, 0)
    assert (model.minimum, model.maximum, model.desired) == (None, None, 1)


def a_group(account: Account, name: str, server: str = SERVER) -> list[str]:
    """Make a Spot group of two instances that join a cluster; return the instances."""
    ec2, scaling = account.client("ec2"), account.client("autoscaling")
    config = {
        "apiVersion": "node.eks.aws/v1alpha1",
        "kind": "NodeConfig",
        "spec": {"cluster": {"name": "c", "apiServerEndpoint": server}},
    }
    template = ec2.create_launch_template(
        LaunchTemplateName=name,
        LaunchTemplateData={
            "ImageId": "ami-12c6146b",
            "InstanceType": "m5.xlarge",
            "UserData": base64.b64encode(yaml.safe_dump(config).encode()).decode(),
        },
    )["LaunchTemplate"]["LaunchTemplateId"]
    named = {"LaunchTemplateId": template, "Version": "1"}
    scaling.create_auto_scaling_group(
        AutoScalingGroupName=name,
        MinSize=0,
        MaxSize=5,
        DesiredCapacity=2,
        AvailabilityZones=["us-west-2a"],
        MixedInstancesPolicy={
            "LaunchTemplate": {"LaunchTemplateSpecification": named},
            "InstancesDistribution": {"OnDemandPercentageAboveBaseCapacity": 0},
        },
    )
    (made,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])[
        "AutoScalingGroups"
    ]
    return [each["InstanceId"] for each in made["Instances"]]


def node(instance: str, ready: str) -> dict:
    return {
        "metadata": {"annotations": {nodes.INSTANCE: instance}},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def test_the_groups_of_the_stacks_own_cluster_are_seen_with_their_nodes(account):
    first, second = a_group(account, "spot")
    a_group(account, "of-another-cluster", "https://127.0.0.1:2")
    api = Api(Node=[node(first, "True"), node(second, "Unknown"), node("i-gone", "True")])
    plain = NodeGroup(
        pool="spot",
        name="spot",
        spot=True,
        minimum=0,
        maximum=5,
        desired=2,
        ready=1,
        short=False,
        noticed=0,
    )
    assert Fleet.of(api, Aws(account, api), {}).groups == (plain,)

    notice = {"Key": NOTICE_ENDS, "Value": "1"}
    account.client("ec2").create_tags(Resources=[second], Tags=[notice])
    tag = {"ResourceId": "spot", "ResourceType": "auto-scaling-group", "PropagateAtLaunch": False}
    account.client("autoscaling").create_or_update_tags(
        Tags=[{**tag, "Key": SHORTAGE, "Value": "true"}]
    )
    assert Fleet.of(api, Aws(account, api), {}).groups == (replace(plain, short=True, noticed=1),)


MODEL = Model(
    name="m",
    offered=5,
    capacity=4,
    served=4,
    unserved=1,
    minimum=1,
    maximum=4,
    desired=2,
    ready=1,
    pending=1,
)
GROUP = NodeGroup(
    pool="p",
    name="p-1",
    spot=True,
    minimum=0,
    maximum=3,
    desired=2,
    ready=1,
    short=False,
    noticed=0,
)
START = datetime(2026, 1, 1, tzinfo=UTC)


def recorded(*looks: tuple[float, Fleet]) -> list[dict[str, str]]:
    file = io.StringIO()
    recording = Recording(file)
    for seconds, fleet in looks:
        recording.add(fleet, START + timedelta(seconds=seconds))
    return list(csv.DictReader(io.StringIO(file.getvalue())))


def test_a_recording_has_a_row_for_each_model_at_each_look():
    other = replace(MODEL, name="other", capacity=None)
    rows = recorded((0, Fleet((MODEL, other), (GROUP,))), (1.5, Fleet((MODEL, other), (GROUP,))))

    assert [(row["time"], row["model"]) for row in rows] == [
        ("2026-01-01T00:00:00.000+00:00", "m"),
        ("2026-01-01T00:00:00.000+00:00", "other"),
        ("2026-01-01T00:00:01.500+00:00", "m"),
        ("2026-01-01T00:00:01.500+00:00", "other"),
    ]
    assert next(iter(rows[0])) == "time"
    expected = {key: str(value) for key, value in asdict(MODEL).items() if key != "name"}
    assert expected.items() <= rows[0].items()
    assert rows[1]["capacity"] == ""


def test_what_is_not_served_adds_up_in_core_seconds():
    served = replace(MODEL, unserved=0)
    looks = [(0, MODEL), (2, MODEL), (5, replace(MODEL, unserved=0.5)), (9, served)]
    rows = recorded(*((at, Fleet((model,), ())) for at, model in looks))

    assert [float(row["unserved core-seconds"]) for row in rows] == [0, 2, 3.5, 3.5]


def test_a_pools_groups_count_together_and_one_that_comes_or_goes_does_no_harm():
    late = replace(GROUP, pool="late")
    both = Fleet((MODEL,), (GROUP, replace(GROUP, name="p-2", ready=2)))
    rows = recorded((0, both), (1, Fleet((MODEL,), (late,))))

    assert [(row["nodes p"], row["nodes wanted p"]) for row in rows] == [("3", "4"), ("0", "0")]
    assert "nodes late" not in rows[0]
