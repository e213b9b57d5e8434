"""Notices to Spot VMs of GKE: what kubelet makes of them, and the commands that bring them."""

import time
from collections.abc import Iterator

import pytest

from sandbox.errors import SandboxError
from sandbox.gke.cloud import Gke
from sandbox.gke.node_pools import NodePools
from sandbox.gke.nodes import node
from sandbox.gke.shutdown import TERMINATES, Shutdowns
from sandbox.kubernetes_api import ApiError
from sandbox.layout import Layout
from sandbox.machine import Machine
from sandbox.tests import clone
from sandbox.tests.node_pools import ZONES, made, there

ON_GKE = """config:
  gcp:project: my-project
  tfserving:platform: {kind: gke, location: us-central1-f}
"""
LONG = {"shutdownGracePeriodSeconds": 120, "shutdownGracePeriodCriticalPodsSeconds": 20}


class Nodes:
    """The nodes of all pools and the pods on them; an API server as far as it is asked."""

    def __init__(self, pools: NodePools, clock: list[float]) -> None:
        self.pools = pools
        self.clock = clock
        self.pods: list[dict] = []
        self.taints: dict[str, list[dict]] = {}
        self.patches = 0

    def pod(self, on: str, name: str = "web", *, grace: int = 60, **spec: object) -> None:
        """Let a ready pod run on a node."""
        conditions = [{"type": each, "status": "True"} for each in ("Ready", "ContainersReady")]
        self.pods.append(
            {
                "metadata": {"name": name, "namespace": "serving"},
                "spec": {"nodeName": on, "terminationGracePeriodSeconds": grace, **spec},
                "status": {"phase": "Running", "conditions": conditions},
            }
        )

    def status(self, name: str = "web") -> dict:
        """The status of a pod."""
        (found,) = (each for each in self.pods if each["metadata"]["name"] == name)
        return found["status"]

    def list(self, _: str, kind: str) -> list[dict]:
        if kind == "Pod":
            return self.pods
        there = [node(pool, each, "p") for pool in self.pools.all() for each in pool.instances]
        for each in there:
            each["spec"]["taints"] = self.taints.get(each["metadata"]["name"], [])
        return there

    def patch(
        self, _: str, kind: str, name: str, body: dict, __: str = "", *, subresource: str = ""
    ) -> None:
        self.patches += 1
        if kind == "Node":
            self.taints[name] = body["spec"]["taints"]
        elif name == "gone":
            raise ApiError(404, "NotFound", "no such pod")
        else:
            assert subresource == "status"
            self.status(name).update(body["status"])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The seconds that have gone by."""
    ahead, now = [0.0], time.time()
    monkeypatch.setattr(time, "time", lambda: now + ahead[0])
    return ahead


@pytest.fixture
def nodes(layout: Layout, clock: list[float]) -> Nodes:
    pools = NodePools(layout, "dev")
    made(pools, "spot", ZONES[0], spot=True)
    made(pools, "long", ZONES[0], spot=True, kubeletConfig=LONG)
    made(pools, "system", ZONES[0])
    return Nodes(pools, clock)


def instance(nodes: Nodes, pool: str) -> str:
    (one,) = there(nodes.pools, pool).instances
    return one.name


def ready(status: dict) -> str:
    (condition,) = (each for each in status["conditions"] if each["type"] == "Ready")
    return condition["status"]


CRITICAL = {"priority": 2_000_001_000}


@pytest.mark.parametrize(
    ("pool", "pod", "begins", "ends"),
    [
        ("spot", {"grace": 60}, 0, 15),
        ("spot", {"grace": 10}, 0, 10),
        ("spot", {"grace": 60, **CRITICAL}, 15, 30),
        ("spot", {"grace": 5, **CRITICAL}, 15, 20),
        ("long", {"grace": 300}, 0, 100),
        ("long", {"grace": 60}, 0, 60),
        ("long", {"grace": 15, **CRITICAL}, 100, 115),
    ],
)
def test_kubelet_ends_pods_in_its_time_the_critical_ones_last(nodes, pool, pod, begins, ends):
    name = instance(nodes, pool)
    nodes.pod(name, **pod)
    kubelet = Shutdowns(nodes.pools, nodes)
    nodes.pools.give_notice(pool, name, 1000)  # kubelet goes by its own times

    for second in sorted({0, max(0, begins - 0.1), begins, ends - 0.1, ends}):
        nodes.clock[0] = second
        kubelet.reconcile()
        phase = "Failed" if second >= ends else "Running"
        assert nodes.status()["phase"] == phase
        assert ready(nodes.status()) == str(second < begins)

    assert nodes.status()["reason"] == "Terminated"


def test_pods_of_other_nodes_and_pods_that_are_done_or_deleted_are_left_alone(nodes):
    name = instance(nodes, "spot")
    nodes.pod(instance(nodes, "system"), "elsewhere")
    nodes.pod(name, "done")
    nodes.pod(name, "deleted")
    nodes.pod(name, "gone")
    nodes.status("done")["phase"] = "Succeeded"
    nodes.pods[2]["metadata"]["deletionTimestamp"] = "now"
    nodes.pools.give_notice("spot", name, 30)

    nodes.clock[0] = 20
    Shutdowns(nodes.pools, nodes).reconcile()

    phases = {each["metadata"]["name"]: each["status"]["phase"] for each in nodes.pods}
    assert phases == {
        "elsewhere": "Running",
        "done": "Succeeded",
        "deleted": "Running",
        "gone": "Running",
    }


def test_a_node_that_ends_is_tainted_and_goes_with_its_notice_and_another_comes(nodes):
    name = instance(nodes, "spot")
    kubelet = Shutdowns(nodes.pools, nodes)
    nodes.pools.give_notice("spot", name, 30)
    kubelet.reconcile()
    kubelet.reconcile()
    assert nodes.taints == {name: [TERMINATES]}

    nodes.clock[0] = 29
    kubelet.reconcile()
    assert instance(nodes, "spot") == name
    nodes.clock[0] = 30
    kubelet.reconcile()
    assert instance(nodes, "spot") != name
    assert there(nodes.pools, "spot").instances[0].ends is None


def test_a_pod_is_told_once_that_it_ends(nodes):
    name = instance(nodes, "spot")
    nodes.pod(name)
    nodes.pools.give_notice("spot", name, 30)
    kubelet = Shutdowns(nodes.pools, nodes)
    kubelet.reconcile()
    before = nodes.patches
    kubelet.reconcile()

    assert nodes.patches == before


def test_in_a_shortage_no_other_comes(nodes):
    name = instance(nodes, "spot")
    nodes.pools.set_shortage("spot", short=True)
    nodes.pools.give_notice("spot", name, 30)
    nodes.clock[0] = 31
    Shutdowns(nodes.pools, nodes).reconcile()

    assert there(nodes.pools, "spot").instances == ()


def test_status_tells_of_pools_their_limits_in_all_zones_and_what_befalls_them(layout):
    pools = NodePools(layout, "dev")
    made(pools, "each", spot=True, autoscaling={"minNodeCount": 1, "maxNodeCount": 3})
    made(pools, "all", autoscaling={"totalMinNodeCount": 2, "totalMaxNodeCount": 5})
    made(pools, "fixed", ZONES[0], initial=2)
    first, second, _ = (each.name for each in there(pools, "each").instances)
    pools.give_notice("each", first, 30)
    pools.set_shortage("each", short=True)

    seen = {each.pool: each for each in Gke(pools, "dev").node_groups({first, second, "other"})}

    each = seen["each"]
    assert (each.spot, each.short, each.noticed, each.ready, each.desired) == (True, True, 1, 2, 3)
    bounds = {name: (each.minimum, each.maximum) for name, each in seen.items()}
    assert bounds == {"each": (3, 9), "all": (2, 5), "fixed": (2, 2)}
    rest = seen["all"]
    assert (rest.spot, rest.short, rest.noticed, rest.ready) == (False, False, 0, 0)


@pytest.fixture
def up(nodes: Nodes, layout: Layout, sandbox: object, monkeypatch: pytest.MonkeyPatch) -> Nodes:
    """A sandbox of a stack on GKE that is up."""
    clone.write(layout.root, "", dev=ON_GKE)
    monkeypatch.setattr(Machine, "is_up", True)
    monkeypatch.setattr(Machine, "api", None)
    return nodes


def test_preemptible_nodes_are_told_as_spot_ones_are(sandbox, up):
    made(up.pools, "old", ZONES[0], preemptible=True)
    name = instance(up, "old")

    assert sandbox("interrupt", name) == (0, f"{name} ends in 30 s\n", "")


@pytest.mark.parametrize(
    ("pool", "options", "seconds"),
    [("spot", (), 30), ("long", (), 120), ("spot", ("--notice", "7"), 7)],
)
def test_a_notice_is_as_long_as_the_pools_kubelets_have_it_or_as_it_is_told(
    sandbox, up, pool, options, seconds
):
    name = instance(up, pool)

    assert sandbox("interrupt", name, *options) == (0, f"{name} ends in {seconds} s\n", "")
    (told,) = there(up.pools, pool).instances
    assert told.ends - told.noticed == pytest.approx(seconds, abs=0.1)


def test_a_shortage_is_of_one_pool_and_ends(sandbox, up):
    assert sandbox("shortage", "spot") == (0, "spot has no Spot capacity\n", "")
    assert [each.name for each in up.pools.all() if each.short] == ["spot"]
    assert sandbox("shortage", "spot", "--end") == (0, "spot has Spot capacity again\n", "")
    assert not any(each.short for each in up.pools.all())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("interrupt nosuch", "stack dev has no node nosuch; the Spot nodes are: {both}"),
        (
            "interrupt {system}",
            "{system} is an on-demand node, which Compute Engine does not preempt; "
            "the Spot nodes are: {both}",
        ),
        (
            "shortage nosuch",
            "there is no pool nosuch in stack dev; the pools with Spot nodes are: long, spot",
        ),
        (
            "shortage system",
            "pool system has no Spot nodes in stack dev; the pools with Spot nodes are: long, spot",
        ),
    ],
)
def test_wrong_usage_is_status_2_and_changes_nothing(sandbox, up, arguments, message):
    before = up.pools.all()
    both = ", ".join(sorted(instance(up, pool) for pool in ("long", "spot")))
    named = {"system": instance(up, "system"), "both": both}

    status, _, errors = sandbox(*arguments.format(**named).split())

    assert status == 2
    assert message.format(**named) in errors
    assert up.pools.all() == before


def test_a_second_notice_is_refused(sandbox, up):
    name = instance(up, "spot")
    sandbox("interrupt", name)

    status, _, errors = sandbox("interrupt", name)

    assert status == 2
    assert f"{name} has its notice already: it ends in " in errors


def test_pools_are_called_as_the_stacks_file_calls_them(layout):
    pools = NodePools(layout, "dev")
    made(pools, "web-0a1b2c3", spot=True, resourceLabels={"pool": "web"})
    cloud = Gke(pools, "dev")

    (group,) = cloud.node_groups(set())
    cloud.set_shortage("web", short=True)

    assert (group.pool, group.name) == ("web", "web-0a1b2c3")
    assert there(pools, "web-0a1b2c3").short
    with pytest.raises(SandboxError, match=r"there is no pool db in stack dev; .* are: web"):
        cloud.set_shortage("db", short=True)
