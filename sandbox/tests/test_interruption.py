"""Notices to Spot nodes and shortages of Spot capacity, by the commands that bring them."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from sandbox import nodes
from sandbox.emulator import Emulator
from sandbox.kubernetes_api import Object
from sandbox.layout import Layout
from sandbox.machine import Machine
from sandbox.nodes import interruption
from sandbox.nodes.groups import SHORTAGE
from sandbox.processes import Processes
from sandbox.providers.aws.account import Account

SERVER = "https://127.0.0.1:1"
QUIET = "no rule with a target matches the notice"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    layout = Layout(tmp_path_factory.mktemp("clone"))
    processes = Processes(layout)
    emulator = Emulator(layout, processes)
    try:
        emulator.start()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in emulator.environment.items():
                patch.setenv(name, value)
            yield Account("us-west-2", "dev")
    finally:
        processes.end_all()


class Cluster:
    """A cluster with two pools of Spot nodes and one of on-demand nodes; what lists its nodes."""

    server = SERVER

    def __init__(self, account: Account) -> None:
        self.account = account
        self.spot = self._group("spot", SERVER, 0)
        self.burst = self._group("burst", SERVER, 0)
        self.system = self._group("system", SERVER, 100)
        self.other = self._group("other", "https://127.0.0.1:2", 0)

    def _group(self, pool: str, server: str, on_demand: int) -> str:
        config = {
            "apiVersion": "node.eks.aws/v1alpha1",
            "kind": "NodeConfig",
            "spec": {"cluster": {"name": "dev", "apiServerEndpoint": server}},
        }
        lifecycle = "on-demand" if on_demand else "spot"
        tags = {"pool": pool, "sandbox:lifecycle": lifecycle, "sandbox:zone": "us-west-2a"}
        template = self.account.client("ec2").create_launch_template(
            LaunchTemplateName=pool,
            LaunchTemplateData={
                "ImageId": "ami-1",
                "UserData": base64.b64encode(yaml.safe_dump(config).encode()).decode(),
                "TagSpecifications": [
                    {
                        "ResourceType": "instance",
                        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
                    }
                ],
            },
        )["LaunchTemplate"]["LaunchTemplateId"]
        self.account.client("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName=pool,
            MinSize=0,
            MaxSize=5,
            DesiredCapacity=1,
            AvailabilityZones=["us-west-2a"],
            MixedInstancesPolicy={
                "LaunchTemplate": {
                    "LaunchTemplateSpecification": {"LaunchTemplateId": template, "Version": "1"},
                    "Overrides": [{"InstanceType": "m5.large"}],
                },
                "InstancesDistribution": {"OnDemandPercentageAboveBaseCapacity": on_demand},
            },
        )
        return pool

    def described(self, group: str) -> dict[str, Any]:
        (found,) = self.account.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[group]
        )["AutoScalingGroups"]
        return found

    def instances(self, group: str) -> list[str]:
        return [each["InstanceId"] for each in self.described(group)["Instances"]]

    def node(self, group: str) -> str:
        return f"node-{self.instances(group)[0]}"

    def tags(self, instance: str) -> dict[str, str]:
        tags = self.account.client("ec2").describe_tags(
            Filters=[{"Name": "resource-id", "Values": [instance]}]
        )["Tags"]
        return {tag["Key"]: tag["Value"] for tag in tags}

    def list(self, version: str, kind: str) -> list[Object]:
        assert (version, kind) == ("v1", "Node")
        return [
            {"metadata": {"name": f"node-{each}", "annotations": {nodes.INSTANCE: each}}}
            for group in (self.spot, self.system)
            for each in self.instances(group)
        ] + [{"metadata": {"name": "the-users-own"}}]


@pytest.fixture
def cluster(
    account: Account, monkeypatch: pytest.MonkeyPatch, sandbox: object
) -> Iterator[Cluster]:
    cluster = Cluster(account)
    monkeypatch.setattr(Machine, "is_up", True)
    monkeypatch.setattr(Machine, "api", cluster)
    monkeypatch.setattr(Machine, "account", lambda _: account)
    yield cluster
    for group in (cluster.spot, cluster.burst, cluster.system, cluster.other):
        account.client("autoscaling").delete_auto_scaling_group(
            AutoScalingGroupName=group, ForceDelete=True
        )
        account.client("ec2").delete_launch_template(LaunchTemplateName=group)


@pytest.fixture
def queue(account: Account) -> Iterator[str]:
    """A queue to which a rule leads the notices."""
    sqs, events = account.client("sqs"), account.client("events")
    queue = sqs.create_queue(QueueName="notices")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    pattern = {
        "source": [{"prefix": "aws."}],
        "detail-type": ["EC2 Spot Instance Interruption Warning"],
    }
    events.put_rule(Name="notices", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="notices", Targets=[{"Id": "q", "Arn": arn["QueueArn"]}])
    yield queue
    if events.list_targets_by_rule(Rule="notices")["Targets"]:
        events.remove_targets(Rule="notices", Ids=["q"])
    events.delete_rule(Name="notices")
    sqs.delete_queue(QueueUrl=queue)


def test_a_notice_reaches_the_queue_as_aws_sends_it(sandbox, cluster, account, queue):
    (instance,) = cluster.instances(cluster.spot)

    status, output, errors = sandbox("interrupt", cluster.node(cluster.spot))

    assert (status, output, errors) == (0, f"node-{instance} ends in 120 s\n", "")
    (message,) = account.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    event = json.loads(message["Body"])
    assert (event["source"], event["detail-type"]) == (
        "aws.ec2",
        "EC2 Spot Instance Interruption Warning",
    )
    assert event["resources"] == [f"arn:aws:ec2:us-west-2a:instance/{instance}"]
    assert event["detail"] == {"instance-id": instance, "instance-action": "terminate"}
    assert float(cluster.tags(instance)["sandbox:notice-ends"]) - time.time() == pytest.approx(
        120, abs=30
    )


@pytest.mark.parametrize("lost", ["rule", "target", "other pattern"])
def test_a_notice_that_reaches_nobody_is_told(sandbox, cluster, account, queue, lost):
    events = account.client("events")
    match lost:
        case "rule":
            events.disable_rule(Name="notices")
        case "target":
            events.remove_targets(Rule="notices", Ids=["q"])
        case _:
            events.put_rule(Name="notices", EventPattern='{"source": ["aws.autoscaling"]}')

    status, _, errors = sandbox("interrupt", cluster.node(cluster.spot))

    assert status == 0
    assert QUIET in errors


def test_an_instance_ends_with_its_notice_and_another_takes_its_place(sandbox, cluster, account):
    (instance,) = cluster.instances(cluster.spot)
    sandbox("interrupt", cluster.node(cluster.spot), "--notice", "1")
    ends = float(cluster.tags(instance)["sandbox:notice-ends"])

    while instance in cluster.instances(cluster.spot):
        assert time.time() < ends + 30
        interruption.end_interrupted(account)
    assert time.time() >= ends
    (other,) = cluster.instances(cluster.spot)
    assert "sandbox:notice-ends" not in cluster.tags(other)
    assert len(cluster.instances(cluster.system)) == 1


def test_an_instance_stays_until_its_notice_is_over(sandbox, cluster, account):
    before = cluster.instances(cluster.spot)
    sandbox("interrupt", cluster.node(cluster.spot))
    interruption.end_interrupted(account)
    assert cluster.instances(cluster.spot) == before


def test_a_shortage_is_of_the_groups_of_one_pool_and_ends(sandbox, cluster, account):
    def short(group: str) -> bool:
        return SHORTAGE in {tag["Key"] for tag in cluster.described(group)["Tags"]}

    assert sandbox("shortage", "spot") == (0, "spot has no Spot capacity\n", "")
    assert [each for each in ("spot", "burst", "system", "other") if short(each)] == ["spot"]
    account.client("ec2").terminate_instances(InstanceIds=cluster.instances("spot"))
    assert cluster.instances("spot") == []
    assert sandbox("shortage", "spot", "--end") == (0, "spot has Spot capacity again\n", "")
    assert not short("spot")
    assert len(cluster.instances("spot")) == 1


def test_the_end_of_a_shortage_that_is_none_is_no_fault(sandbox, cluster):
    assert sandbox("shortage", "spot", "--end") == (0, "spot has Spot capacity again\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("interrupt nosuch", "stack dev has no node nosuch; the Spot nodes are: {spot}"),
        ("interrupt the-users-own", "stack dev has no node the-users-own; the Spot nodes are"),
        (
            "interrupt {system}",
            "{system} is an on-demand node, which AWS does not interrupt; "
            "the Spot nodes are: {spot}",
        ),
        ("interrupt {spot} --notice 0", "'--notice': 0 is not in the range x>=1"),
        ("interrupt {spot} --notice -1", "'--notice': -1 is not in the range x>=1"),
        ("interrupt {spot} --notice soon", "'soon' is not a valid integer"),
        ("interrupt", "Missing argument 'NODE'"),
        (
            "shortage nosuch",
            "there is no pool nosuch in stack dev; the pools with Spot nodes are: burst, spot",
        ),
        ("shortage other", "there is no pool other in stack dev"),
        (
            "shortage system",
            "pool system has no Spot nodes in stack dev; "
            "the pools with Spot nodes are: burst, spot",
        ),
    ],
)
def test_wrong_usage_is_status_2_and_changes_nothing(sandbox, cluster, arguments, message):
    named = {pool: cluster.node(pool) for pool in ("spot", "system")}
    before = [cluster.described(group)["Tags"] for group in ("spot", "system", "other")]

    status, _, errors = sandbox(*arguments.format(**named).split())

    assert status == 2
    assert message.format(**named) in errors
    assert "sandbox:notice-ends" not in cluster.tags(cluster.instances("spot")[0])
    assert [cluster.described(group)["Tags"] for group in ("spot", "system", "other")] == before


def test_a_second_notice_is_refused(sandbox, cluster):
    node = cluster.node(cluster.spot)
    sandbox("interrupt", node, "--notice", "60")
    status, _, errors = sandbox("interrupt", node)
    assert status == 2
    assert f"{node} has its notice already: it ends in " in errors


@pytest.mark.parametrize("arguments", [["interrupt", "n"], ["shortage", "p"]])
def test_before_up_nothing_can_be_taken_away(sandbox, layout, arguments):
    status, _, errors = sandbox(*arguments)
    assert status == 2
    assert "the sandbox of stack dev is not up; run `make up STACK=dev` first" in errors
    assert not layout.state.exists()
