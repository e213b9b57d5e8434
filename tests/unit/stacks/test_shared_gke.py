"""Models on a platform of another stack that is on GKE: its bucket, project, load balancers."""

from typing import Any

import pytest

from stacks.outputs import StackOutputs
from tests.unit.stack_files import MODELS, PLATFORM, REGION, put
from tests.unit.stacks.platforms import STACK, sharing_config
from tests.unit.stacks.test_shared import deploy, platform, refused

FOLDER = "shared/tfserving/test"
MODEL = f"{MODELS}.half-plus-two"
GKE_OUTPUTS: dict[str, Any] = {
    "kind": "gke",
    "region": "us-central1",
    "location": "us-central1-f",
    "project": {"id": "lab", "number": "123456789012"},
    "notice": {"seconds": 600, "reaction_seconds": 15},
    "egress": [{"cidr": "169.254.169.254/32", "port": 80}],
    "entrance": {
        "kind": "gke",
        "cidrs": ["10.60.0.0/20"],
        "subnets": {},
        "proxy_cidr": None,
        "subnetwork": "nodes",
    },
    "managed_prometheus": True,
}


def gke_config(**changes: Any) -> dict[str, Any]:
    config = sharing_config()
    del config[REGION]
    config["gcp:project"] = "lab"
    for key, value in changes.items():
        put(config, f"{MODEL}.{key}", value)
    return config


def gke_platform(**entrance: Any) -> dict[str, Any]:
    return platform(**{**GKE_OUTPUTS, "entrance": {**GKE_OUTPUTS["entrance"], **entrance}})


def on_gke(cloud: Any, given: dict[str, Any] | None = None, **changes: Any) -> StackOutputs:
    return deploy(
        cloud,
        gke_config(**changes),
        platform=given or gke_platform(),
        model_bucket="gs://lab-bucket",
    )


def test_on_gke_files_and_rights_are_in_its_bucket_and_project(cloud):
    deployed = on_gke(cloud)

    assert cloud.value(deployed.model_bucket) == f"gs://lab-bucket/{FOLDER}"
    uploaded = cloud.all("gcp:storage/bucketObject:BucketObject").values()
    assert f"{FOLDER}/models/half-plus-two/1/saved_model.pb" in {each["name"] for each in uploaded}
    member = cloud.one("gcp:storage/bucketIAMMember:BucketIAMMember")
    assert "projects/123456789012/" in member["member"]
    assert member["member"].endswith("lab.svc.id.goog/subject/ns/team-a/sa/half-plus-two")
    assert f"/objects/{FOLDER}/models/half-plus-two/" in member["condition"]["expression"]
    assert not {each for each in cloud.types() if each.startswith(("aws:", "gcp:container"))}


def test_on_gke_a_model_is_exposed_and_watched_as_the_platform_has_it(cloud):
    on_gke(cloud, expose={"cidrs": ["10.0.0.0/8"], "grpc": True})

    external = cloud.one("kubernetes:core/v1:Service", "half-plus-two-external")["spec"]
    assert external["loadBalancerSourceRanges"] == ["10.0.0.0/8"]
    assert "kubernetes:monitoring.googleapis.com/v1:PodMonitoring" in cloud.types()


@pytest.mark.parametrize(
    ("expose", "lacks", "rule"),
    [
        (
            {"kind": "gateway"},
            {"proxy_cidr": None},
            f"must come with {STACK}'s {PLATFORM}.network.proxy_cidr, where the proxies of "
            "internal gateways are",
        ),
        (
            {"kind": "load_balancer"},
            {"cidrs": []},
            f"must come with cidrs, or {STACK}'s {PLATFORM}.network.cidr: where its clients are",
        ),
    ],
)
def test_on_gke_an_internal_balancer_needs_what_its_network_has_not(cloud, expose, lacks, rule):
    assert refused(cloud, gke_config(expose=expose), platform=gke_platform(**lacks)) == [
        f'{MODEL}.expose.scope: {rule}; got "internal"'
    ]


@pytest.mark.parametrize(
    ("expose", "place"),
    [
        ({"kind": "gateway"}, {"cidrs": [], "proxy_cidr": "10.70.0.0/24"}),
        ({"kind": "gateway", "scope": "public", "open_to_world": True}, {"cidrs": []}),
        ({"cidrs": ["10.0.0.0/8"]}, {"cidrs": []}),
        ({"scope": "public", "cidrs": ["203.0.113.0/24"]}, {"cidrs": []}),
        ({}, {}),
    ],
)
def test_on_gke_no_balancer_needs_more_than_it_uses(cloud, expose, place):
    assert on_gke(cloud, gke_platform(**place), expose=expose).models


def test_on_gke_a_platform_that_says_nothing_of_load_balancers_makes_none(cloud):
    given = platform(**{**GKE_OUTPUTS, "entrance": None})

    (fault,) = refused(cloud, gke_config(expose={"cidrs": ["10.0.0.0/8"]}), platform=given)
    assert fault.startswith(f"{MODEL}.expose: must be left out: {STACK} has no controller")


def test_a_project_that_is_not_the_platforms_is_refused(cloud):
    config = sharing_config()
    config["gcp:project"] = "other"

    assert refused(
        cloud, config, platform=platform(**GKE_OUTPUTS), model_bucket="gs://lab-bucket"
    ) == [f'gcp:project: must be the project of {STACK}, lab; got "other"']
