"""The loop: load makes pods, pods make nodes, and both go when nobody needs them."""

import time
from collections.abc import Iterator

import pytest

from sandbox.kubernetes_api import Object
from sandbox.load import Load, is_ready
from sandbox.nodes.groups import Group, groups
from sandbox.nodes.interruption import interrupt, set_shortage
from sandbox.providers.aws.account import Account
from tests.sandbox.conftest import POOL, Environment, until

MODEL = "half-plus-two"
DISCOVERY = "k8s.io/cluster-autoscaler/enabled"
STUCK = "no group may grow"


class Loop:
    """The environment `dev`, with an autoscaler that is quick to decide."""

    def __init__(self, environment: Environment, account: Account) -> None:
        self.environment = environment
        self.api = environment.api
        self.account = account
        self._log = environment.layout.logs / "dev-cluster-autoscaler.log"

    def offer(self, cores: float) -> None:
        Load(self.environment.layout, "dev").offer(MODEL, cores)

    def group(self, name: str = "4vcpu-16gb-nodes") -> Group:
        (found,) = [g for g in groups(self.account, self.api.server) if name in g.name]
        return found

    def set_maximum(self, maximum: int) -> None:
        self.account.client("autoscaling").update_auto_scaling_group(
            AutoScalingGroupName=self.group().name, MaxSize=maximum
        )

    def pods(self) -> list[Object]:
        return self.environment.pods(MODEL)

    def ready(self) -> list[Object]:
        return [pod for pod in self.pods() if is_ready(pod)]

    def nodes(self) -> list[Object]:
        return self.environment.nodes(intent="apps")

    def says(self, words: str) -> None:
        """Wait until the autoscaler says something that it has not said yet."""
        before = self._log.read_text().count(words)
        until(lambda: self._log.read_text().count(words) > before)


@pytest.fixture(scope="module")
def loop(dev: Environment, account: Account) -> Iterator[Loop]:
    quick = {"unneeded_time": "5s", "delay_after_add": "5s"}
    changes = {
        "tfserving:platform.cluster_autoscaler": {
            "max_node_provision_time": "10s",
            "scale_down": quick,
        },
        f"{POOL}.nodes.maximum": 4,
    }
    with dev.edited(changes):
        dev.engine.deploy()
        loop = Loop(dev, account)
        # A pod that an update has replaced takes up a node until it is gone.
        assert until(lambda: len(loop.pods()) == 1, seconds=90)
        yield loop


def test_a_group_grows_only_with_its_discovery_tag_and_within_its_maximum(loop):
    started = loop.group().desired
    tag = {
        "ResourceId": loop.group().name,
        "ResourceType": "auto-scaling-group",
        "Key": DISCOVERY,
        "Value": "true",
        "PropagateAtLaunch": False,
    }
    loop.account.client("autoscaling").delete_tags(Tags=[tag])
    loop.offer(8)
    loop.says(STUCK)
    assert loop.group().desired == started

    loop.set_maximum(started)
    loop.account.client("autoscaling").create_or_update_tags(Tags=[tag])
    loop.says(STUCK)
    assert loop.group().desired == started

    loop.set_maximum(4)
    assert until(lambda: len(loop.ready()) == 3)
    # One pod of two CPUs finds room on a node of four.
    assert (loop.group().desired, len(loop.nodes())) == (3, 3)


def test_a_pod_that_no_group_has_a_label_for_grows_nothing(loop):
    sizes = {group.name: group.desired for group in groups(loop.account, loop.api.server)}
    container = {"name": "lost", "image": "lost:1"}
    lost = {"nodeSelector": {"intent": "nobody"}, "containers": [container]}
    metadata = {"name": "lost", "namespace": "default"}
    loop.api.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": lost})
    try:
        loop.says(STUCK)
    finally:
        loop.api.delete("v1", "Pod", "lost", "default")

    assert sizes == {group.name: group.desired for group in groups(loop.account, loop.api.server)}


def test_without_load_pods_and_nodes_go_back_to_what_they_were(loop):
    loop.offer(8)
    assert until(lambda: len(loop.ready()) == 3)

    loop.offer(0)

    assert until(lambda: len(loop.pods()) == 1, seconds=120)
    assert until(lambda: len(loop.nodes()) == 1)
    assert loop.group().desired == 1


def test_two_interruptions_at_once_keep_to_the_disruption_budget(loop):
    loop.offer(2)
    assert until(lambda: len(loop.ready()) == 2)
    interrupted = {pod["spec"]["nodeName"] for pod in loop.ready()}
    assert len(interrupted) == 2
    evicted = {pod["metadata"]["uid"] for pod in loop.ready()}

    for node in interrupted:
        assert interrupt(loop.account, loop.api, node, 90)

    left = set(evicted)
    while left:
        pods = loop.pods()
        # A pod that serves no more may still be ending.
        assert sum(map(is_ready, pods)) >= 1
        left &= {pod["metadata"]["uid"] for pod in pods}
        if left:
            assert interrupted & {node["metadata"]["name"] for node in loop.nodes()}
        time.sleep(0.5)
    assert until(lambda: not interrupted & {n["metadata"]["name"] for n in loop.nodes()})
    assert until(lambda: len(loop.ready()) == 2)


def test_what_finds_no_spot_capacity_runs_on_demand_if_there_is_a_fallback(loop):
    loop.offer(0)
    fallback = {"nodes": {"minimum": 0, "initial": 0, "maximum": 2}}
    with loop.environment.edited({f"{POOL}.fallback": fallback}):
        loop.environment.engine.deploy()
        set_shortage(loop.account, loop.api, "4vcpu-16gb", short=True)
        loop.offer(8)
        try:
            assert until(lambda: loop.group("fallback").desired > 0)
            assert until(lambda: len(loop.ready()) == 3)
            (activity, *_) = loop.account.client("autoscaling").describe_scaling_activities(
                AutoScalingGroupName=loop.group().name
            )["Activities"]
            assert activity["StatusCode"] == "Failed"
        finally:
            set_shortage(loop.account, loop.api, "4vcpu-16gb", short=False)
            loop.offer(0)
