"""Priorities: which pods come before others on a cluster."""

from components.kubernetes.priority import Priorities, PrioritiesArgs

CLASS = "kubernetes:scheduling.k8s.io/v1:PriorityClass"


def test_models_come_before_pods_without_a_class(cloud):
    made = cloud.run(lambda: Priorities("models", PrioritiesArgs(prefix="tfserving-test")))

    serving = cloud.one(CLASS)
    assert serving["metadata"] == {"name": "tfserving-test-serving"}
    assert (serving["value"], serving["preemptionPolicy"]) == (1000, "PreemptLowerPriority")
    assert "globalDefault" not in serving
    assert cloud.parent_of(CLASS) == "tfserving:index:Priorities::models"
    assert cloud.promised(made) == {"serving": "tfserving-test-serving"}


def test_spare_pods_give_way_to_all_and_still_have_the_autoscaler_add_nodes(cloud):
    args = PrioritiesArgs(prefix="tfserving-test", spare=True)
    made = cloud.run(lambda: Priorities("models", args))

    spare = cloud.one(CLASS, "models-spare")
    assert spare["metadata"] == {"name": "tfserving-test-spare"}
    assert (spare["value"], spare["preemptionPolicy"]) == (-10, "Never")
    assert cloud.parent_of(CLASS, "models-spare") == "tfserving:index:Priorities::models"
    assert cloud.promised(made)["spare"] == "tfserving-test-spare"
