"""Node pools as tests make them: the inputs of Pulumi's resource, in a clone of their own."""

from typing import Any

from sandbox.gke.node_pools import NodePool, NodePools

ZONES = ("us-central1-a", "us-central1-b", "us-central1-f")
CLUSTER = "projects/my-project/locations/us-central1/clusters/cluster-1"


def inputs(*, initial: int = 1, spot: bool = False, **more: Any) -> dict[str, Any]:
    """The inputs of a pool; what is not `nodeConfig`'s by name is the pool's own."""
    config = {"machineType": "n1-standard-4", "diskSizeGb": 50, "spot": spot}
    of_nodes = {"labels", "taints", "machineType", "kubeletConfig", "resourceLabels"}
    of_nodes |= {"preemptible", "taintConfig"}
    given = of_nodes & more.keys()
    config |= {name: more.pop(name) for name in given}
    return {"cluster": CLUSTER, "initialNodeCount": initial, "nodeConfig": config, **more}


def made(pools: NodePools, name: str, *zones: str, **more: Any) -> NodePool:
    """Make a pool in these zones, else in all three."""
    pools.create(name, f"owner of {name}", inputs(**more), zones or ZONES)
    return there(pools, name)


def there(pools: NodePools, name: str) -> NodePool:
    """The pool of a name, as it is now."""
    pool = pools.read(name)
    assert pool is not None
    return pool


def sizes(pools: NodePools, name: str) -> list[int]:
    """How many instances each zone is to have."""
    return [*there(pools, name).zones.values()]
