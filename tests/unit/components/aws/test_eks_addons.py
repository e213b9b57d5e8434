"""EksAddons: what is installed once there are nodes."""

from components.aws.eks_addons import EksAddons, EksAddonsArgs
from tests.unit.components.aws.test_eks_cluster import OTHER_VERSIONS

ADDON = "aws:eks/addon:Addon"


def some_addons() -> EksAddons:
    return EksAddons(
        "dev",
        EksAddonsArgs(cluster_name="Dev", versions=OTHER_VERSIONS, tags={"team": "ml"}),
    )


def test_names_resolve_and_metrics_are_served_by_pinned_versions(cloud):
    cloud.run(some_addons)

    expected = {"dev-coredns": ("coredns", "v4"), "dev-metrics-server": ("metrics-server", "v5")}
    addons = cloud.all(ADDON)
    assert {
        name: (addon["addonName"], addon["addonVersion"]) for name, addon in addons.items()
    } == expected
    for name, addon in addons.items():
        assert addon["clusterName"] == "Dev"
        assert addon["tags"] == {"team": "ml"}
        assert cloud.parent_of(ADDON, name) == "tfserving:index:EksAddons::dev"


def test_it_promises_nothing_but_to_be_there(cloud):
    assert cloud.promised(cloud.run(some_addons)) == {}
