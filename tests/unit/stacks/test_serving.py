"""Serving: models on a platform, from their files to where they are to be had."""

import json
from typing import Any

import pytest

import settings
import stacks
from settings.model_sources import read_model_files
from stacks.outputs import StackOutputs
from tests.unit.stack_files import MODELS, PLATFORM, ROOT, config_of, configure, put

MODEL = f"{MODELS}.half-plus-two"
CERTIFICATE = "arn:aws:acm:us-west-2:123456789012:certificate/0a1b2c3d"
HEALTH = "alb.ingress.kubernetes.io/healthcheck-path"
ATTRIBUTES = "alb.ingress.kubernetes.io/target-group-attributes"
ALB = "tfserving:index:AlbIngress"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
HOST = "half-plus-two-ingress.elb.invalid"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
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
    assert resources == [arn, [f"{arn}/models/half-plus-two/*"]]


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
        "serving-namespace",
        "half-plus-two-network",
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


def exposed(cloud, expose, **model):
    config = config_of()
    for key, value in {"expose": expose, **model}.items():
        put(config, f"{MODEL}.{key}", value)
    served = deploy(cloud, config).models["half-plus-two"]
    urls = (served.public_url, served.internal_url, served.load_balanced_grpc_address)
    return tuple(url and cloud.value(url) for url in urls)


def test_a_model_is_reached_in_the_cluster_only_unless_the_file_says_otherwise(cloud, deployed):
    served = deployed.models["half-plus-two"]

    assert (served.public_url, served.internal_url) == (None, None)
    assert served.load_balanced_grpc_address is None
    assert INGRESS not in cloud.types()


def test_an_internal_load_balancer_has_a_url_of_its_own(cloud):
    public, internal, grpc = exposed(cloud, {})

    assert internal == f"http://{HOST}/v1/models/half-plus-two"
    assert (public, grpc) == (None, None)


def test_a_public_load_balancer_has_the_public_url(cloud):
    expose = {"scope": "public", "certificate": CERTIFICATE, "grpc": True}
    public, internal, grpc = exposed(cloud, expose)

    assert public == f"https://{HOST}/v1/models/half-plus-two"
    assert internal is None
    assert grpc == "half-plus-two.grpc-ingress.elb.invalid:443"


def test_a_load_balancer_asks_for_the_model_and_lets_go_in_time(cloud):
    exposed(cloud, {}, longest_request_seconds=7)

    annotations = cloud.one(INGRESS)["metadata"]["annotations"]
    assert annotations[HEALTH] == "/v1/models/half-plus-two/metadata"
    assert "deregistration_delay.timeout_seconds=7" in annotations[ATTRIBUTES]
    assert cloud.one(INGRESS)["metadata"]["namespace"] == "serving"


def test_a_load_balancer_comes_after_the_server_and_its_controller(cloud):
    exposed(cloud, {})

    waits = cloud.waits_for(ALB)
    assert "half-plus-two-deployment" in waits
    assert any("load-balancer-controller" in each for each in waits)


def test_without_a_controller_nothing_is_exposed_and_models_are_served(cloud):
    config = config_of()
    put(config, f"{PLATFORM}.load_balancer_controller", {"enabled": False})
    deploy(cloud, config)

    assert DEPLOYMENT in cloud.types()


def test_pods_leave_as_their_settings_and_their_nodes_have_it(cloud):
    config = config_of()
    put(config, f"{MODEL}.longest_request_seconds", 40)
    put(config, f"{MODEL}.grpc_connection_age_seconds", 30)
    deploy(cloud, config)

    pod = cloud.one(DEPLOYMENT)["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == 5 + 30 + 40 + 5
    # One node has room for one pod, so that no more than one goes with it.
    assert cloud.one(BUDGET)["spec"]["maxUnavailable"] == "25%"


def test_pods_come_before_what_only_keeps_room(cloud, deployed):
    pod = cloud.one(DEPLOYMENT)["spec"]["template"]["spec"]

    assert pod["priorityClassName"] == "tfserving-test-serving"


@pytest.mark.parametrize(
    ("fallback", "strength"),
    [
        (None, "requiredDuringSchedulingIgnoredDuringExecution"),
        (
            {"nodes": {"minimum": 0, "initial": 0, "maximum": 1}},
            "preferredDuringSchedulingIgnoredDuringExecution",
        ),
    ],
)
def test_pods_must_be_on_spot_nodes_unless_there_is_a_fallback(cloud, fallback, strength):
    config = config_of()
    put(config, f"{PLATFORM}.pools.4vcpu-16gb.fallback", fallback)
    deploy(cloud, config)

    pod = cloud.one(DEPLOYMENT)["spec"]["template"]["spec"]
    assert [*pod["affinity"]["nodeAffinity"]] == [strength]


def test_pods_may_read_every_model_of_their_server(cloud):
    config = config_of()
    put(config, f"{MODEL}.also", {"other": {"version": 4}})
    deploy(cloud, config)

    policy = json.loads(cloud.one(POLICY, "half-plus-two-reader-policy")["policy"])
    arn = "arn:aws:s3:::models-bucket-id"
    below = [f"{arn}/models/half-plus-two/*", f"{arn}/models/other/*"]
    assert policy["Statement"][1]["Resource"] == below


def test_a_second_deployment_serves_another_version_under_the_same_name(cloud):
    config = config_of()
    put(config, f"{PLATFORM}.pools.4vcpu-16gb.nodes.maximum", 6)
    model = config[MODELS]["half-plus-two"]
    config[MODELS]["next"] = {**model, "model": "half-plus-two", "source": None, "version": 2}
    served = deploy(cloud, config).models

    assert {name: cloud.value(each.rest_url) for name, each in served.items()} == {
        name: f"http://{name}.serving.svc.cluster.local:8501/v1/models/half-plus-two"
        for name in ("half-plus-two", "next")
    }
    policy = json.loads(cloud.one(POLICY, "next-reader-policy")["policy"])
    assert policy["Statement"][1]["Resource"] == [
        "arn:aws:s3:::models-bucket-id/models/half-plus-two/*"
    ]
