"""Models on a platform of another stack: what they find there, and what they may not take."""

import json
from typing import Any

import pulumi
import pytest

import settings
import stacks
from stacks.outputs import StackOutputs
from tests.unit.stack_files import MODELS, PLATFORM, REGION, configure, faults_of, put
from tests.unit.stacks.platforms import BUCKET, STACK, outputs, sharing_config

ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
NAMESPACE = "kubernetes:core/v1:Namespace"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
POLICY = "aws:iam/rolePolicy:RolePolicy"
PROVIDER = "pulumi:providers:kubernetes"
FOLDER = "shared/tfserving/test"
MODEL = f"{MODELS}.half-plus-two"


def deploy(cloud: Any, config: dict[str, Any], **changes: Any) -> StackOutputs:
    cloud.stacks[STACK] = outputs(**changes)
    configure(config)
    return cloud.run(lambda: stacks.deploy(settings.load()))


def refused(cloud: Any, config: dict[str, Any], **changes: Any) -> list[str]:
    with pytest.raises(pulumi.RunError) as refusal:
        deploy(cloud, config, **changes)
    assert NAMESPACE not in cloud.types()
    title, *faults = str(refusal.value).splitlines()
    assert title == f"stack test cannot be served on stack {STACK}:"
    return [fault.strip() for fault in faults]


def platform(**changes: Any) -> dict[str, Any]:
    return {**outputs()["platform"], **changes}


@pytest.fixture
def deployed(cloud):
    return deploy(cloud, sharing_config())


def test_nothing_of_a_platform_is_made(cloud, deployed):
    assert not {each for each in cloud.types() if each.startswith(("eks:", "aws:ec2", "aws:auto"))}
    assert "aws:s3/bucket:Bucket" not in cloud.types()


def test_its_cluster_is_reached_with_its_kubeconfig_by_its_name(cloud, deployed):
    provider = cloud.one(PROVIDER)

    assert provider["kubeconfig"]["value"] == '{"clusters": "of prod"}'  # wrapped: a secret
    assert provider["clusterIdentifier"] == "tfserving-prod"
    for typ in (NAMESPACE, DEPLOYMENT):
        assert f"{PROVIDER}::kubernetes" in cloud.options(typ).provider
    assert cloud.value_is_secret(deployed.kubeconfig)


def test_files_go_into_its_bucket_below_a_folder_of_this_stacks_own(cloud, deployed):
    uploaded = cloud.all(OBJECT).values()

    assert {each["bucket"] for each in uploaded} == {BUCKET}
    assert f"{FOLDER}/models/half-plus-two/1/saved_model.pb" in {each["key"] for each in uploaded}
    assert all(each["key"].startswith(f"{FOLDER}/models/half-plus-two/1/") for each in uploaded)
    assert cloud.value(deployed.model_bucket) == f"s3://{BUCKET}/{FOLDER}"


def test_pods_fetch_from_there_and_may_read_nothing_else(cloud, deployed):
    (fetcher,) = cloud.one(DEPLOYMENT)["spec"]["template"]["spec"]["initContainers"]
    environment = {each["name"]: each["value"] for each in fetcher["env"]}
    policy = cloud.one(POLICY, "half-plus-two-reader-policy")["policy"]

    assert environment["BUCKET"] == f"{BUCKET}/{FOLDER}"
    listing, reading = json.loads(policy)["Statement"]
    below = f"{FOLDER}/models/half-plus-two/*"
    assert listing["Resource"] == f"arn:aws:s3:::{BUCKET}"
    assert listing["Condition"]["StringLike"]["s3:prefix"] == [below]
    assert reading["Resource"] == [f"arn:aws:s3:::{BUCKET}/{below}"]


def test_pods_get_their_role_on_its_cluster(cloud, deployed):
    association = cloud.one(ASSOCIATION)

    assert association["clusterName"] == "tfserving-prod"
    assert (association["namespace"], association["serviceAccount"]) == ("team-a", "half-plus-two")


def test_its_outputs_are_those_of_the_platform_but_for_the_kind(deployed):
    assert deployed.platform.kind == "shared"
    assert deployed.platform.cluster_name == "tfserving-prod"
    assert [*deployed.models] == ["half-plus-two"]


def test_a_model_is_exposed_by_the_controller_that_is_there(cloud):
    deploy(cloud, sharing_config(expose={"scope": "internal"}))

    annotations = cloud.one(INGRESS)["metadata"]["annotations"]
    assert annotations["alb.ingress.kubernetes.io/inbound-cidrs"] == "10.50.0.0/16"
    assert "alb.ingress.kubernetes.io/subnets" not in annotations


def test_a_load_balancer_goes_into_the_subnets_that_the_platform_names(cloud):
    entrance = {**platform()["entrance"], "subnets": {"internal": ["subnet-a", "subnet-b"]}}
    deploy(cloud, sharing_config(expose={}), platform=platform(entrance=entrance))

    annotations = cloud.one(INGRESS)["metadata"]["annotations"]
    assert annotations["alb.ingress.kubernetes.io/subnets"] == "subnet-a,subnet-b"


@pytest.mark.parametrize("entrance", [None, {"kind": "alb", "cidrs": []}])
def test_a_model_is_not_exposed_where_nothing_makes_load_balancers(cloud, entrance):
    (fault,) = refused(cloud, sharing_config(expose={}), platform=platform(entrance=entrance))

    assert fault == (
        f"{MODEL}.expose: must be left out: {STACK} has no controller of load balancers, or does "
        "not say where they are"
    )


def test_a_namespace_of_the_platforms_stack_is_refused(cloud):
    assert refused(cloud, sharing_config(namespace="serving")) == [
        f"{MODEL}.namespace: must be a namespace of this stack's own: {STACK} has serving; "
        'got "serving"'
    ]


def test_two_models_with_one_name_in_a_namespace_are_refused(cloud):
    config = sharing_config(namespace="serving")
    config[MODELS]["resnet"] = config[MODELS].pop("half-plus-two")

    assert refused(cloud, config) == [
        f"{MODELS}.resnet.namespace: must be a namespace of this stack's own: {STACK} has "
        'serving, and serves a resnet there; got "serving"'
    ]


def test_a_model_may_have_the_name_of_one_in_another_namespace(cloud):
    config = sharing_config()
    config[MODELS]["resnet"] = config[MODELS].pop("half-plus-two")

    assert [*deploy(cloud, config).models] == ["resnet"]


def test_the_region_is_the_platforms(cloud):
    config = sharing_config()
    put(config, REGION, "eu-west-1")

    assert refused(cloud, config) == [
        f'{REGION}: must be the region of {STACK}, us-west-2; got "eu-west-1"'
    ]


def test_a_stack_that_shares_a_platform_has_none_to_share(cloud):
    (fault,) = refused(cloud, sharing_config(), platform=platform(kind="shared"))

    assert fault == (
        f"{PLATFORM}.stack: must be the stack that built the platform, which {STACK} shares too; "
        f'got "{STACK}"'
    )


def test_more_replicas_than_its_pools_can_hold_are_refused_with_the_arithmetic(cloud):
    config = sharing_config()
    put(config, f"{MODEL}.replicas.maximum", 4)

    assert refused(cloud, config) == [
        f"{MODEL}.replicas.maximum: must be at most 3, or allow_unplaceable_replicas: true: its "
        "pools hold 3 = 3 nodes of spot x 1 (3720m CPU, a pod 2000m); got 4"
    ]


def test_what_a_model_allows_is_told_in_a_preview_only(cloud, monkeypatch):
    config = sharing_config(allow_unplaceable_replicas=True)
    put(config, f"{MODEL}.replicas.maximum", 4)
    said: list[str] = []
    monkeypatch.setattr(pulumi, "warn", said.append)

    assert deploy(cloud, config).models
    assert said == []

    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    deploy(cloud, config)
    assert len(said) == 1
    assert said[0].startswith(f"{MODEL}.replicas.maximum: only 3 can be placed, the rest stays")


def test_its_fallbacks_count_with_their_own_labels(cloud):
    pools = platform()["pools"]
    fallback = {"minimum": 0, "maximum": 2, "labels": {"intent": "spare"}}
    shared = platform(pools={"spot": {**pools["spot"], "fallback": fallback}})
    config = sharing_config(node_selector={"intent": "spare"})

    (fault,) = refused(cloud, config, platform=shared)

    assert fault.startswith(f"{MODEL}.replicas.maximum: must be at most 2")
    assert "2 nodes of spot (fallback) x 1" in fault


def test_pods_have_to_match_its_labels_and_answer_its_taints(cloud):
    (fault,) = refused(cloud, sharing_config(node_selector={"intent": "none"}))
    assert fault.startswith(f"{MODEL}.node_selector: must match the labels of a pool: spot; got")

    taint = {"key": "models", "value": "only", "effect": "NoSchedule"}
    pools = {"spot": {**platform()["pools"]["spot"], "taints": [taint]}}
    (fault,) = refused(cloud, sharing_config(), platform=platform(pools=pools))
    assert fault.startswith(f"{MODEL}.tolerations: must answer the taints of a pool")

    assert deploy(cloud, sharing_config(tolerations=[taint]), platform=platform(pools=pools))


def test_a_drain_has_to_fit_the_notice_that_the_platforms_nodes_give(cloud):
    short = platform(notice={"seconds": 15, "reaction_seconds": 1})

    (fault,) = refused(cloud, sharing_config(), platform=short)

    assert fault.startswith(f"{MODEL}.longest_request_seconds: must let a pod end within")
    assert "of the 15 s that a node gives notice" in fault


def test_all_that_does_not_fit_is_told_at_once(cloud):
    config = sharing_config(namespace="serving")
    put(config, REGION, "eu-west-1")
    put(config, f"{MODEL}.replicas.maximum", 4)

    assert [fault.split(": ")[0] for fault in refused(cloud, config)] == [
        REGION,
        f"{MODEL}.namespace",
        f"{MODEL}.replicas.maximum",
    ]


def test_pods_prefer_its_spot_nodes_to_its_fallbacks(cloud):
    spot = {
        **platform()["pools"]["spot"],
        "labels": {"intent": "apps", "lifecycle": "Ec2Spot"},
        "fallback": {
            "minimum": 0,
            "maximum": 2,
            "labels": {"intent": "apps", "lifecycle": "OnDemand"},
        },
    }
    config = sharing_config()
    put(config, f"{MODEL}.replicas.maximum", 5)
    deploy(cloud, config, platform=platform(pools={"spot": spot}))

    affinity = cloud.one(DEPLOYMENT)["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]
    (preferred,) = affinity["preferredDuringSchedulingIgnoredDuringExecution"]
    assert preferred["preference"]["matchExpressions"] == [
        {"key": "lifecycle", "operator": "In", "values": ["Ec2Spot"]}
    ]


def test_threads_are_no_more_than_the_vcpus_of_its_nodes(cloud):
    (fault,) = refused(cloud, sharing_config(threads={"intra_op": 5}))

    assert fault == (
        f"{MODEL}.threads.intra_op: must be at most 4, the vCPUs of a node of spot, or come with "
        "allow_oversubscription: true; got 5"
    )


def test_pods_may_select_by_what_every_node_is(cloud):
    every = {"kubernetes.io/os": "linux", "intent": "apps"}

    assert deploy(cloud, sharing_config(node_selector=every)).models


def test_pods_may_get_to_where_the_platform_says(cloud, deployed):
    policies = json.dumps(cloud.all("kubernetes:networking.k8s.io/v1:NetworkPolicy"))

    assert "169.254.170.23/32" in policies


def test_namespaces_are_as_the_file_says(cloud):
    config = sharing_config()
    config["tfserving:namespaces"] = {
        "team-a": {"quota": {"cpu": "40", "memory": "40Gi", "pods": 9}}
    }
    deploy(cloud, config)

    quota = cloud.one("kubernetes:core/v1:ResourceQuota")
    assert quota["metadata"]["namespace"] == "team-a"


def test_files_are_this_stacks_own(cloud, deployed):
    name = "models/half-plus-two/1/saved_model.pb"

    assert cloud.parent_of(OBJECT, name).startswith("pulumi:pulumi:Stack::")


def test_an_exposure_of_another_cloud_is_refused(cloud):
    config = sharing_config(expose={"kind": "gateway"})

    (fault,) = faults_of(config)
    assert fault.startswith(f"{MODEL}.expose.kind: must be alb, which this platform has")
