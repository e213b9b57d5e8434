"""Serving: models on a platform, from their files to where they are to be had."""

import json
from typing import Any

import pytest

import settings
import stacks
from settings.model_sources import read_model_files
from stacks.outputs import StackOutputs
from tests.unit.stack_files import MODELS, PLATFORM, ROOT, config_of, configure, put

ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
NAMESPACE = "kubernetes:core/v1:Namespace"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
POLICY = "aws:iam/rolePolicy:RolePolicy"
SERVING = "tfserving:index:TensorFlowServing"
FILES = read_model_files("models/half-plus-two/1")


def deploy(cloud: Any, config: dict[str, Any]) -> StackOutputs:
    configure(config)
    return cloud.run(lambda: stacks.deploy(settings.load()))


@pytest.fixture
def deployed(cloud):
    return deploy(cloud, config_of())


def test_every_file_of_the_manifest_is_uploaded_and_again_when_it_changes(cloud, deployed):
    uploaded = {
        each["key"]: (each["bucket"], each["sourceHash"]) for each in cloud.all(OBJECT).values()
    }

    assert uploaded == {
        f"models/half-plus-two/1/{name}": ("models-bucket-id", digest)
        for name, digest in FILES.digests.items()
    }


def test_files_are_named_relative_to_the_project(cloud, deployed):
    for name, each in cloud.all(OBJECT).items():
        assert each["source"].path == name
        assert (ROOT / each["source"].path).is_file()


def test_pods_read_their_own_models_prefix_only(cloud, deployed):
    association = cloud.one(ASSOCIATION, "half-plus-two-reader-association")

    assert association["clusterName"] == "tfserving-dev"
    assert (association["namespace"], association["serviceAccount"]) == ("serving", "half-plus-two")
    policy = json.loads(cloud.one(POLICY, "half-plus-two-reader-policy")["policy"])
    resources = [statement["Resource"] for statement in policy["Statement"]]
    arn = "arn:aws:s3:::models-bucket-id"
    assert resources == [arn, f"{arn}/models/half-plus-two/*"]


def test_the_server_fetches_from_the_platforms_bucket(cloud, deployed):
    pod = cloud.one(DEPLOYMENT)["spec"]["template"]["spec"]
    environment = {each["name"]: each["value"] for each in pod["initContainers"][0]["env"]}

    assert environment["BUCKET"] == "models-bucket-id"
    assert environment["RCLONE_CONFIG_MODELS_TYPE"] == "s3"


def test_changed_files_roll_the_pods(cloud, deployed):
    annotations = cloud.one(DEPLOYMENT)["spec"]["template"]["metadata"]["annotations"]

    assert annotations["tfserving/manifest-digest"] == FILES.manifest_digest


def test_a_server_waits_for_nodes_dns_files_and_the_right_to_read_them(cloud, deployed):
    assert cloud.waits_for(SERVING) >= {
        "serving",
        "tfserving-dev-system-nodes",
        "tfserving-dev-4vcpu-16gb-nodes",
        "tfserving-dev-coredns",
        "half-plus-two-reader-association",
        *(f"models/half-plus-two/1/{name}" for name in FILES.digests),
    }


def test_all_that_is_in_the_cluster_uses_the_platforms_provider(cloud, deployed):
    for typ in (NAMESPACE, DEPLOYMENT):
        assert "pulumi:providers:kubernetes::kubernetes" in cloud.options(typ).provider


def test_a_model_that_is_published_otherwise_is_not_uploaded(cloud):
    config = config_of()
    del config[MODELS]["half-plus-two"]["source"]
    deploy(cloud, config)

    assert OBJECT not in cloud.types()
    assert DEPLOYMENT in cloud.types()


def test_models_of_one_namespace_share_it(cloud):
    config = config_of()
    model = config[MODELS]["half-plus-two"]
    config[MODELS] = {
        "one": model,
        "two": model,
        "three": {**model, "namespace": "vision"},
    }
    put(config, f"{PLATFORM}.pools.4vcpu-16gb.nodes.maximum", 9)
    deploy(cloud, config)

    assert {each["metadata"]["name"] for each in cloud.all(NAMESPACE).values()} == {
        "serving",
        "vision",
    }
    places = {
        each["metadata"]["name"]: each["metadata"]["namespace"]
        for each in cloud.all(DEPLOYMENT).values()
    }
    assert places == {"one": "serving", "two": "serving", "three": "vision"}


def test_a_long_model_name_leaves_room_for_the_names_of_its_roles(cloud):
    config = config_of()
    config[MODELS] = {"m" * 63: config[MODELS]["half-plus-two"]}
    deploy(cloud, config)

    roles = [name for name in cloud.all("aws:iam/role:Role") if name.startswith("mm")]
    assert [len(role) for role in roles] == [45 + len("-role")]
    assert cloud.one(DEPLOYMENT)["metadata"]["name"] == "m" * 63


def test_an_environment_without_models_has_a_bucket_for_them(cloud):
    config = config_of()
    put(config, MODELS, {})
    deployed = deploy(cloud, config)

    assert deployed.models == {}
    assert "aws:s3/bucket:Bucket" in cloud.types()
    assert NAMESPACE not in cloud.types()
