"""Namespaces of models: what is made around each model, and only where it is asked for."""

from types import SimpleNamespace
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
from pydantic import TypeAdapter

from components.kubernetes.exposure import ExposureSpec
from components.kubernetes.pod import Lifecycle
from components.kubernetes.serving_namespace import QuotaSpec, ServingNamespaceSpec
from components.kubernetes.tensorflow_serving import serving_labels
from settings import ModelSettings
from stacks import namespaces
from stacks.namespaces import Surroundings
from stacks.outputs import Egress
from stacks.platform import Platform

CLASS = "kubernetes:scheduling.k8s.io/v1:PriorityClass"
DAEMON_SET = "kubernetes:apps/v1:DaemonSet"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
NAMESPACE = "kubernetes:core/v1:Namespace"
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
QUOTA = "kubernetes:core/v1:ResourceQuota"
GATE = {"gate": "on"}
PROVIDER = "pulumi:providers:kubernetes::kubernetes"


class Pool(pulumi.ComponentResource):
    def __init__(self) -> None:
        super().__init__("tfserving:index:Pool", "pool")
        k8s.core.v1.Node("pool-nodes", opts=pulumi.ResourceOptions(parent=self))


def a_platform(*, entrance: bool) -> Platform:
    unused: Any = None
    described: Any = SimpleNamespace(registries={})
    balancers: Any = SimpleNamespace(sources=lambda _: ["10.50.0.0/16"], namespace_labels=GATE)
    return Platform(
        description=described,
        kubeconfig=unused,
        kubernetes=k8s.Provider("kubernetes"),
        models=unused,
        capacity=[Pool()],
        notice=unused,
        entrance=balancers if entrance else None,
        egress=[Egress("169.254.170.23/32", 80)],
    )


def a_model(**values: Any) -> ModelSettings:
    sound: dict[str, Any] = {
        "version": 1,
        "image": "tensorflow/serving:2.19.1",
        "replicas": {"minimum": 1, "initial": 1, "maximum": 3},
        "requests": {"cpu": "2", "memory": "2Gi"},
        "limits": {"memory": "4Gi"},
    }
    return TypeAdapter(ModelSettings).validate_python({**sound, **values})


def deployed(
    cloud: Any,
    models: dict[str, ModelSettings],
    specs: dict[str, ServingNamespaceSpec] | None = None,
    *,
    entrance: bool = True,
    lifecycle: Lifecycle | None = None,
) -> dict[str, Surroundings]:
    def program() -> dict[str, Surroundings]:
        made = namespaces.deploy(a_platform(entrance=entrance), models, specs or {})
        return {
            name: made.surround(name, model, lifecycle=lifecycle) for name, model in models.items()
        }

    return cloud.run(program)


def test_each_namespace_of_a_model_is_made_once(cloud):
    models = {"one": a_model(), "two": a_model(), "three": a_model(namespace="vision")}
    deployed(cloud, models)

    assert sorted(cloud.all(NAMESPACE)) == ["serving-namespace", "vision-namespace"]


def test_a_namespace_is_what_the_file_says_of_it(cloud):
    quota = QuotaSpec(cpu="8", memory="8Gi", pods=4)
    models = {"one": a_model(), "two": a_model(namespace="vision")}
    deployed(cloud, models, {"vision": ServingNamespaceSpec(quota=quota)})

    assert cloud.one(QUOTA)["metadata"]["namespace"] == "vision"
    assert "scopeSelector" not in cloud.one(QUOTA)["spec"]


def test_the_quota_does_not_count_what_gives_way(cloud):
    quota = QuotaSpec(cpu="8", memory="8Gi", pods=4)
    deployed(cloud, {"one": a_model(headroom=1)}, {"serving": ServingNamespaceSpec(quota=quota)})

    (term,) = cloud.one(QUOTA)["spec"]["scopeSelector"]["matchExpressions"]
    assert term["values"] == [cloud.one(CLASS, "models-spare")["metadata"]["name"]]


def test_a_model_gets_the_priority_and_waits_for_namespace_and_policy(cloud):
    around = deployed(cloud, {"resnet": a_model()})["resnet"]

    assert cloud.value(around.priority_class) == "tfserving-test-serving"
    assert [type(each).__name__ for each in around.ready] == [
        "ServingNamespace",
        "ModelNetworkPolicy",
    ]


def test_what_the_cluster_has_once_is_named_after_the_stack(cloud, monkeypatch):
    monkeypatch.setattr(pulumi, "get_stack", lambda: "Prod_EU.1")
    deployed(cloud, {"resnet": a_model()})

    assert cloud.one(CLASS)["metadata"]["name"] == "tfserving-prod-eu-1-serving"


def test_the_models_pods_are_reached_by_those_whom_the_namespace_names(cloud):
    specs = {"serving": ServingNamespaceSpec(clients=("shop",), monitors=("monitoring",))}
    deployed(cloud, {"resnet": a_model()}, specs)

    policy = cloud.one(POLICY, "resnet-network")
    assert policy["metadata"] == {"name": "resnet", "namespace": "serving"}
    assert policy["spec"]["podSelector"] == {"matchLabels": serving_labels("resnet")}
    clients, monitors = policy["spec"]["ingress"]
    named = [
        rule["from"][0]["namespaceSelector"]["matchExpressions"][0]["values"]
        for rule in (clients, monitors)
    ]
    assert named == [["shop"], ["monitoring"]]
    *_, platforms = policy["spec"]["egress"]
    assert platforms["to"] == [{"ipBlock": {"cidr": "169.254.170.23/32"}}]
    assert platforms["ports"] == [{"protocol": "TCP", "port": 80}]


def test_a_model_that_is_not_exposed_is_not_reached_by_load_balancers(cloud):
    models = {"hidden": a_model(), "shown": a_model(expose=ExposureSpec())}
    deployed(cloud, models)

    assert "ingress" not in cloud.one(POLICY, "hidden-network")["spec"]
    (rule,) = cloud.one(POLICY, "shown-network")["spec"]["ingress"]
    assert rule["from"] == [{"ipBlock": {"cidr": "10.50.0.0/16"}}]
    assert [each["port"] for each in rule["ports"]] == [8501]


def test_a_load_balancer_reaches_the_grpc_port_by_choice(cloud):
    expose = ExposureSpec(grpc=True, certificate="arn:aws:acm:us-west-2:123456789012:certificate/1")
    deployed(cloud, {"resnet": a_model(expose=expose)})

    (rule,) = cloud.one(POLICY, "resnet-network")["spec"]["ingress"]
    assert [each["port"] for each in rule["ports"]] == [8501, 8500]


def test_only_namespaces_of_exposed_models_have_the_labels_for_that(cloud):
    models = {"hidden": a_model(), "shown": a_model(namespace="front", expose=ExposureSpec())}
    deployed(cloud, models)

    made = {each["metadata"]["name"]: each["metadata"] for each in cloud.all(NAMESPACE).values()}
    assert "gate" not in made["serving"]["labels"]
    assert made["front"]["labels"]["gate"] == "on"


def test_without_an_entrance_there_are_no_labels_for_one(cloud):
    deployed(cloud, {"shown": a_model(expose=ExposureSpec())}, entrance=False)

    assert "gate" not in cloud.one(NAMESPACE)["metadata"]["labels"]
    assert "ingress" not in cloud.one(POLICY, "shown-network")["spec"]


def test_room_and_images_are_a_choice(cloud):
    deployed(cloud, {"resnet": a_model()})

    assert cloud.types().isdisjoint({DEPLOYMENT, DAEMON_SET})
    assert [*cloud.all(CLASS)] == ["models-serving"]


def test_a_model_with_headroom_has_room_and_no_images(cloud):
    deployed(cloud, {"one": a_model(headroom=2), "two": a_model()})

    assert [*cloud.all(DEPLOYMENT)] == ["one-headroom"]
    assert cloud.one(DEPLOYMENT)["metadata"]["namespace"] == "serving"
    assert cloud.one(DEPLOYMENT)["spec"]["replicas"] == 2
    assert DAEMON_SET not in cloud.types()


def test_a_model_whose_images_are_pulled_ahead_has_no_room(cloud):
    deployed(cloud, {"one": a_model(), "two": a_model(pull_ahead=True)})

    made = cloud.one(DAEMON_SET, "two-images")
    assert made["metadata"]["namespace"] == "serving"
    assert made["spec"]["template"]["spec"]["priorityClassName"] == "tfserving-test-spare"
    assert DEPLOYMENT not in cloud.types()


def test_pods_that_give_way_come_after_the_nodes_and_go_before_them(cloud):
    deployed(cloud, {"resnet": a_model(headroom=1, pull_ahead=True)})

    for typ in ("tfserving:index:Headroom", "tfserving:index:ImagePrepull"):
        assert cloud.waits_for(typ) >= {"pool-nodes", "serving-namespace"}


@pytest.mark.parametrize("required", [False, True])
def test_pods_that_give_way_keep_to_the_models_lifecycle_as_it_does(cloud, required):
    lifecycle = Lifecycle(value="Ec2Spot", required=required)
    deployed(cloud, {"resnet": a_model(headroom=1)}, lifecycle=lifecycle)

    affinity = cloud.one(DEPLOYMENT)["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]
    kind = "required" if required else "preferred"
    assert [*affinity] == [f"{kind}DuringSchedulingIgnoredDuringExecution"]


def test_all_of_it_uses_the_platforms_provider(cloud):
    quota = QuotaSpec(cpu="8", memory="8Gi", pods=4)
    model = a_model(headroom=1, pull_ahead=True)
    deployed(cloud, {"resnet": model}, {"serving": ServingNamespaceSpec(quota=quota)})

    for typ in (NAMESPACE, POLICY, QUOTA, CLASS, DEPLOYMENT, DAEMON_SET):
        for name in cloud.all(typ):
            assert PROVIDER in cloud.options(typ, name).provider
