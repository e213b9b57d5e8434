"""ComputeClass: which pool grows first, and that there is no other place."""

import pulumi

from components.gcp.compute_class import ComputeClass, ComputeClassArgs
from tests.unit.components.gcp.exposed_models import on_a_cluster

RESOURCE = "kubernetes:cloud.google.com/v1:ComputeClass"


def a_class() -> ComputeClass:
    pools = ["spot", pulumi.Output.from_input("spot-fallback")]
    return ComputeClass("spot", ComputeClassArgs(pools=pools), on_a_cluster())


def test_pools_come_in_the_order_that_they_are_given_in(cloud):
    cloud.run(a_class)

    made = cloud.one(RESOURCE, "spot-class")
    assert made["metadata"] == {"name": "spot"}
    assert made["spec"]["priorities"] == [
        {"nodepools": ["spot"]},
        {"nodepools": ["spot-fallback"]},
    ]
    assert cloud.parent_of(RESOURCE) == "tfserving:index:ComputeClass::spot"


def test_gke_makes_no_other_nodes_for_its_pods(cloud):
    cloud.run(a_class)

    spec = cloud.one(RESOURCE)["spec"]
    assert spec["whenUnsatisfiable"] == "DoNotScaleUp"
    assert spec["nodePoolAutoCreation"] == {"enabled": False}


def test_pods_move_back_to_the_better_pool(cloud):
    cloud.run(a_class)

    assert cloud.one(RESOURCE)["spec"]["activeMigration"] == {"optimizeRulePriority": True}


def test_it_promises_nothing(cloud):
    assert cloud.promised(cloud.run(a_class)) == {}
