"""What the gcp provider hands to the node pools, and what a pool has from its cluster."""

from pathlib import Path
from typing import Any

import pytest

from sandbox.gke.clusters import Clusters
from sandbox.gke.node_pools import NodePool, NodePools
from sandbox.layout import MARKER, Layout
from sandbox.processes import write_atomically
from sandbox.providers.gcp import Gcp
from sandbox.providers.plugin import Refused, Request
from sandbox.tests.engine_requests import Requests
from sandbox.tests.gcp_inputs import CLUSTER, NODE_POOL

PATH = "projects/my-project/locations/us-central1/clusters/cluster-1"
ABC = ["us-central1-a", "us-central1-b", "us-central1-c"]


class Cloud(Requests):
    """A gcp provider as the engine uses it, in a clone of its own."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(Gcp())
        self.provider.configure({"project": "my-project"})
        self.pools, self.clusters = NodePools(layout, "dev"), Clusters(layout, "dev")

    def cluster(self, **inputs: Any) -> Request:
        given = {
            "name": "cluster-1",
            "location": "us-central1",
            "initialNodeCount": 1,
            "removeDefaultNodePool": True,
            "deletionProtection": False,
            **inputs,
        }
        return self.make(CLUSTER, "cluster", given)[0]

    def pool(self, name: str | None, **inputs: Any) -> Request:
        given = {
            "name": name,
            "cluster": "cluster-1",
            "location": "us-central1",
            "initialNodeCount": 2,
            "autoscaling": {"totalMinNodeCount": 1, "totalMaxNodeCount": 3},
            "nodeConfig": {"machineType": "n1-standard-4"},
            **inputs,
        }
        return self.make(NODE_POOL, name or "pool", given)[0]

    def held(self, name: str) -> NodePool:
        pool = self.pools.read(name)
        assert pool is not None
        return pool


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    layout = Layout(tmp_path)
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority": str(tmp_path / "ca")}
    write_atomically(layout.kubeconfig("dev"), f"clusters: [{{cluster: {cluster}}}]")
    (tmp_path / "ca").write_text("an authority")
    monkeypatch.setenv(MARKER, str(layout.state))
    return Cloud(layout)


def test_a_pool_has_its_first_nodes_in_its_zones(cloud):
    cloud.cluster()

    made = cloud.pool("zones", nodeLocations=ABC[:2])

    assert cloud.held("zones").zones == dict.fromkeys(ABC[:2], 2)
    assert made.id == f"{PATH}/nodePools/zones"
    groups = made.old_outputs["managedInstanceGroupUrls"]
    assert [url.split("/zones/")[1].split("/")[0] for url in groups] == ABC[:2]


@pytest.mark.parametrize(
    ("location", "given", "zones"),
    [
        ("us-central1-f", None, ["us-central1-f"]),
        ("us-central1-f", ["us-central1-a"], ["us-central1-f", "us-central1-a"]),
        ("us-central1", None, ABC),
        ("us-central1", ["us-central1-f"], ["us-central1-f"]),
    ],
)
def test_a_pool_that_names_no_zones_is_in_those_of_its_cluster(cloud, location, given, zones):
    cloud.cluster(location=location, nodeLocations=given)

    cloud.pool("web", location=location)

    assert [*cloud.held("web").zones] == zones


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        ({"cluster": "other"}, PATH.replace("cluster-1", "other")),
        ({"location": "us-central1-a"}, PATH.replace("us-central1", "us-central1-a")),
        ({"project": "other-project"}, PATH.replace("my-project", "other-project")),
        ({"cluster": PATH.replace("-1", "-2")}, PATH.replace("-1", "-2")),
    ],
)
def test_a_pool_of_a_cluster_that_is_not_there_is_refused_as_google_does(cloud, inputs, path):
    cloud.cluster()

    with pytest.raises(Refused, match=f"Error 404: Not found: {path}."):
        cloud.pool("web", **inputs)
    assert cloud.pools.all() == []


def test_a_cluster_may_be_given_by_its_whole_path(cloud):
    made = cloud.pool("web", cluster=cloud.cluster().id)

    assert made.id == f"{PATH}/nodePools/web"
    assert cloud.provider.read(made) is not None


@pytest.mark.parametrize(("given", "pods"), [(None, 32), (64, 64)])
def test_pods_per_node_are_the_clusters_unless_the_pool_says_others(cloud, given, pods):
    cloud.cluster(defaultMaxPodsPerNode=32)

    made = cloud.pool("web", maxPodsPerNode=given)
    assert cloud.held("web").inputs["maxPodsPerNode"] == pods
    assert made.old_outputs["maxPodsPerNode"] == pods

    cloud.change(made, autoscaling={"totalMaxNodeCount": 5})
    assert cloud.held("web").inputs["maxPodsPerNode"] == pods


def test_a_pool_may_have_the_beginning_of_a_name(cloud):
    cloud.cluster()

    made = cloud.pool(None, namePrefix="web-")

    (pool,) = cloud.pools.all()
    assert pool.name.startswith("web-")
    assert made.old_outputs["name"] == pool.name
    assert made.id == f"{PATH}/nodePools/{pool.name}"


def test_a_cluster_is_there_until_it_is_deleted(cloud):
    made = cloud.cluster()
    live = cloud.read(made)
    assert live is not None
    assert (live.inputs, live.outputs) == (made.inputs, made.old_outputs)

    cloud.change(made, nodeLocations=ABC[:1])
    assert (cloud.clusters.read(PATH) or {})["nodeLocations"] == ABC[:1]

    cloud.provider.delete(made)
    cloud.provider.delete(made)
    assert cloud.read(made) is None


def test_a_cluster_that_was_made_before_a_crash_is_adopted(cloud):
    made = cloud.cluster()
    cloud.change(made, nodeLocations=ABC[:1])

    identifier, _ = cloud.provider.create(made)

    assert identifier == made.id
    assert (cloud.clusters.read(PATH) or {})["nodeLocations"] == ABC[:1]


def test_a_pool_that_was_made_before_a_crash_is_adopted_by_its_name_and_not_made_again(cloud):
    cloud.cluster()
    given = {"location": "us-central1", "cluster": "cluster-1", "initialNodeCount": 1}
    made, _ = cloud.make(NODE_POOL, "adopted", given)
    again, _ = cloud.provider.check(made.urn, {}, given, b"another seed")

    identifier, outputs = cloud.provider.create(Request(urn=made.urn, inputs=again))

    assert again["name"] != made.inputs["name"]
    assert identifier == made.id
    assert outputs["name"] == made.inputs["name"]


def test_a_pool_that_was_deleted_is_gone_and_may_be_deleted_again(cloud):
    cloud.cluster()
    made = cloud.pool("deleted")

    cloud.provider.delete(made)

    assert cloud.read(made) is None
    cloud.provider.delete(made)


def test_a_pools_limits_change_in_place(cloud):
    cloud.cluster()
    made = cloud.pool("limits", nodeLocations=ABC[:1])

    cloud.change(made, autoscaling={"totalMinNodeCount": 2, "totalMaxNodeCount": 5})

    assert cloud.held("limits").total_bounds == (2, 5)
    assert sum(cloud.held("limits").zones.values()) == 2


def test_a_size_that_an_autoscaler_chose_is_no_drift(cloud):
    cloud.cluster()
    made = cloud.pool("resized")
    cloud.pools.resize("resized", ABC[0], 3)

    live = cloud.read(made)

    assert live is not None
    assert live.inputs == made.inputs
    assert live.outputs == made.old_outputs


@pytest.mark.parametrize(("ignored", "seen"), [(True, 1), (False, 3)])
def test_a_size_that_the_program_chose_drifts_unless_it_does_not_look(cloud, ignored, seen):
    cloud.cluster()
    made = cloud.pool(
        "chosen",
        autoscaling=None,
        initialNodeCount=None,
        nodeCount=1,
        ignoreNodeCountChanges=ignored,
    )
    cloud.pools.resize("chosen", ABC[0], 3)

    live = cloud.read(made)

    assert live is not None
    assert live.inputs["nodeCount"] == seen


def test_a_second_pool_of_one_name_is_refused(cloud):
    cloud.cluster()
    cloud.pool("twice")
    wished = cloud.checked(
        NODE_POOL, "other", {"name": "twice", "cluster": "cluster-1", "location": "us-central1"}
    )

    with pytest.raises(Refused, match=r"NodePool \(other\): node pool twice is there already"):
        cloud.provider.create(wished)
