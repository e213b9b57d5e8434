"""What goes on by itself with a stack on GKE: its watcher, on a real API server."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from sandbox.errors import SandboxError
from sandbox.gke.autoscaling import rules
from sandbox.gke.managed import ManagedNodes
from sandbox.gke.node_pools import NodePools
from sandbox.kubernetes_api import KubernetesApi, Object
from sandbox.layout import Layout
from sandbox.machine import BACK_OFF, UNNEEDED, Machine
from sandbox.nodes.containers import Containers
from sandbox.nodes.watcher import Watcher
from sandbox.processes import Processes
from sandbox.tests import clone
from sandbox.tests.node_pools import ZONES, inputs, made, there

ON_GKE = "config:\n  tfserving:platform: {kind: gke, location: us-central1-f}\n"
POOL = "cloud.google.com/gke-nodepool"


@pytest.fixture
def pools(layout: Layout) -> NodePools:
    return NodePools(layout, "gke")


@pytest.fixture
def watcher(layout: Layout, api: KubernetesApi, pools: NodePools) -> Iterator[Watcher]:
    containers = Containers(layout, "gke", "us-central1", api, Path("/nowhere"))
    yield Watcher(layout, api, ManagedNodes(pools, api, "my-project", rules(60)), containers)
    for node in of_pools(api):
        api.delete("v1", "Node", node["metadata"]["name"])


def of_pools(api: KubernetesApi) -> list[Object]:
    return api.list("v1", "Node", label_selector=POOL)


def test_nodes_follow_the_instances_of_pools(watcher, pools, api):
    made(pools, "web", initial=1)
    watcher.reconcile()
    watcher.reconcile()
    before = {node["metadata"]["name"] for node in of_pools(api)}
    assert before == {each.name for each in there(pools, "web").instances}

    ended = there(pools, "web").instances[0].name
    pools.end("web", ended, shrink=False)
    watcher.reconcile()
    after = {node["metadata"]["name"] for node in of_pools(api)}
    assert len(after - before) == 1
    assert before - after == {ended}

    pools.delete("web")
    watcher.reconcile()
    assert of_pools(api) == []


def test_labels_and_taints_of_nodes_that_are_there_change_with_their_pool(watcher, pools, api):
    taint = {"key": "old", "value": "x", "effect": "NO_SCHEDULE"}
    (instance,) = made(pools, "web", ZONES[0], labels={"old": "x"}, taints=[taint]).instances
    watcher.reconcile()
    api.patch("v1", "Node", instance.name, {"spec": {"unschedulable": True}})

    new = {"key": "new", "effect": "NO_EXECUTE"}
    pools.update("web", inputs(labels={"new": "y"}, taints=[new]))
    watcher.reconcile()

    (node,) = of_pools(api)
    assert node["metadata"]["name"] == instance.name
    assert node["metadata"]["labels"]["new"] == "y"
    assert "old" not in node["metadata"]["labels"]
    taints = {each["key"] for each in node["spec"]["taints"]}
    assert "new" in taints
    assert "old" not in taints
    assert node["spec"]["unschedulable"]


def test_a_pool_whose_machine_is_not_known_is_told_once_and_keeps_no_other_from_nodes(
    watcher, pools, api, capsys
):
    made(pools, "odd", ZONES[0], machineType="z9-standard-4")
    (web,) = made(pools, "web", ZONES[0]).instances

    wanted = ManagedNodes(pools, api, "my-project", rules(60)).wanted
    names = [[each["metadata"]["name"] for each in wanted()] for _ in range(2)]

    assert names == [[web.name]] * 2
    reason = "node pool odd: the sandbox knows no machine z9-standard-4"
    assert capsys.readouterr().out.count(reason) == 1


def test_it_is_told_that_nodes_go_sooner_than_on_gke(pools, api, capsys):
    ManagedNodes(pools, api, "my-project", rules(60))
    assert "60 s; on GKE it takes 600 s" in capsys.readouterr().out

    ManagedNodes(pools, api, "my-project", rules(600))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("content", "environment", "seconds"),
    [
        (ON_GKE, {}, ["--unneeded-seconds", "60", "--back-off-seconds", "300"]),
        (
            ON_GKE,
            {UNNEEDED: "600", BACK_OFF: "2.5"},
            ["--unneeded-seconds", "600", "--back-off-seconds", "2.5"],
        ),
        ("config: {}\n", {UNNEEDED: "600", BACK_OFF: "x"}, []),
    ],
)
def test_the_watcher_is_started_for_the_cloud_of_the_stack(
    layout, monkeypatch, content, environment, seconds
):
    started: list[list[str]] = []
    monkeypatch.setattr(Processes, "start", lambda _, __, argv, *___: started.append([*argv]))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    clone.write(layout.root, "", gke=content)
    tools = SimpleNamespace(node_termination_handler=Path("/handler"))

    vars(Machine)["_start_watcher"](Machine("gke", layout), "us-central1", tools)

    assert started == [
        [
            *(sys.executable, "-m", "sandbox.nodes.watcher", "--root", str(layout.root)),
            *("--stack", "gke", "--region", "us-central1"),
            *("--node-termination-handler", "/handler", *seconds),
        ]
    ]


@pytest.mark.parametrize("name", [UNNEEDED, BACK_OFF])
@pytest.mark.parametrize("given", ["-1", "a minute", "60s", "nan"])
def test_a_time_that_is_none_is_refused(layout, monkeypatch, name, given):
    monkeypatch.setenv(name, given)
    clone.write(layout.root, "", gke=ON_GKE)
    tools = SimpleNamespace(node_termination_handler=Path("/handler"))

    with pytest.raises(SandboxError) as refusal:
        vars(Machine)["_start_watcher"](Machine("gke", layout), "us-central1", tools)

    sentence = f"{name} must be a number of seconds, such as 60 or 2.5; got {given!r}"
    assert str(refusal.value) == sentence
