"""What the releases of charts leave in a cluster whose programs run in the sandbox."""

import pytest
import yaml

from sandbox.providers.charts import (
    ALB,
    AUTOSCALER,
    AUTOSCALER_IMAGE,
    BY_HELM,
    LOAD_BALANCER_CONTROLLER,
    LOAD_BALANCER_CONTROLLER_IMAGE,
    PRIORITIES,
    TERMINATION_HANDLER,
    TERMINATION_HANDLER_IMAGE,
    objects,
)

QUEUE = {"enableSqsTerminationDraining": True, "queueURL": "http://127.0.0.1:1/queue"}


def release(chart: str, **values: object) -> dict[str, dict]:
    """The objects of a release, by kind."""
    made = objects({"chart": chart, "name": "mine", "namespace": "tools", "values": values})
    return {body["kind"]: body for body in made}


def pod(workload: dict) -> dict:
    return workload["spec"]["template"]["spec"]


def container(workload: dict) -> dict:
    (only,) = pod(workload)["containers"]
    return only


def environment(workload: dict) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container(workload)["env"]}


@pytest.mark.parametrize("chart", ["load-balancer-controller", "autoscaler", "x/keda"])
def test_a_chart_whose_program_does_not_run_here_leaves_nothing(chart):
    assert release(chart) == {}


@pytest.mark.parametrize(
    "chart", [AUTOSCALER, f"autoscaler/{AUTOSCALER}", f"oci://example.com/charts/{AUTOSCALER}"]
)
def test_a_chart_is_known_by_the_last_part_of_where_it_is(chart):
    assert release(chart).keys() == {"ServiceAccount", "Deployment"}


def test_the_autoscaler_is_told_what_the_values_say():
    made = release(
        AUTOSCALER,
        cloudProvider="aws",
        awsRegion="us-west-2",
        autoDiscovery={"clusterName": "dev"},
        extraArgs={
            "v": 4.0,
            "scale-down-utilization-threshold": 0.5,
            "skip-nodes-with-local-storage": False,
            "scale-down-unneeded-time": "10m",
            "expander": "priority,least-waste",
        },
    )

    assert container(made["Deployment"])["command"] == [
        "./cluster-autoscaler",
        "--cloud-provider=aws",
        "--namespace=tools",
        "--node-group-auto-discovery="
        "asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/dev",
        "--v=4",
        "--scale-down-utilization-threshold=0.5",
        "--skip-nodes-with-local-storage=false",
        "--scale-down-unneeded-time=10m",
        "--expander=priority,least-waste",
    ]
    assert environment(made["Deployment"]) == {"AWS_REGION": "us-west-2"}


def test_priorities_are_where_the_autoscaler_reads_them():
    ranks = {"20": ["^spot-1$", "^spot-2$"], "10": ["^on-demand$"]}

    held = release(AUTOSCALER, expanderPriorities=ranks)["ConfigMap"]

    assert held["metadata"] == {"name": PRIORITIES, "namespace": "tools"}
    assert yaml.safe_load(held["data"]["priorities"]) == {int(r): ranks[r] for r in ranks}
    assert "ConfigMap" not in release(AUTOSCALER, expanderPriorities={})


@pytest.mark.parametrize("chart", [AUTOSCALER, LOAD_BALANCER_CONTROLLER, TERMINATION_HANDLER])
def test_its_pods_go_where_the_values_say(chart):
    where = {
        "nodeSelector": {"pool": "system"},
        "tolerations": [{"key": "system", "operator": "Exists"}],
        "priorityClassName": "system-cluster-critical",
    }
    asked = {"requests": {"cpu": "100m", "memory": "600Mi"}}

    workload = release(chart, **where, **QUEUE, resources=asked)["Deployment"]

    assert where.items() <= pod(workload).items()
    assert container(workload)["resources"] == asked


@pytest.mark.parametrize(
    ("chart", "values", "replicas"),
    [
        (AUTOSCALER, {}, 1),
        (AUTOSCALER, {"replicaCount": 2}, 2),
        (LOAD_BALANCER_CONTROLLER, {}, 2),
        (LOAD_BALANCER_CONTROLLER, {"replicaCount": 1}, 1),
        (TERMINATION_HANDLER, QUEUE, 1),
        (TERMINATION_HANDLER, {**QUEUE, "replicas": 2}, 2),
    ],
)
def test_it_has_the_replicas_that_the_values_say(chart, values, replicas):
    assert release(chart, **values)["Deployment"]["spec"]["replicas"] == replicas


def test_its_pods_are_of_one_release_and_of_helm():
    workload = release(AUTOSCALER)["Deployment"]
    labels = workload["spec"]["template"]["metadata"]["labels"]

    assert labels == {"app.kubernetes.io/instance": "mine", BY_HELM[0]: BY_HELM[1]}
    assert workload["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert workload["metadata"] == {"name": "mine", "namespace": "tools"}


@pytest.mark.parametrize(
    ("chart", "repository"),
    [
        (AUTOSCALER, AUTOSCALER_IMAGE),
        (LOAD_BALANCER_CONTROLLER, LOAD_BALANCER_CONTROLLER_IMAGE),
        (TERMINATION_HANDLER, TERMINATION_HANDLER_IMAGE),
    ],
)
def test_its_image_is_the_charts_unless_the_values_name_another(chart, repository):
    def image(**given: str) -> str:
        return container(release(chart, image=given, **QUEUE)["Deployment"])["image"]

    assert image() == f"{repository}:latest"
    assert image(tag="v1.2.3") == f"{repository}:v1.2.3"
    assert image(repository="mine/it", tag="v1") == "mine/it:v1"


@pytest.mark.parametrize(
    ("chart", "values"),
    [
        (AUTOSCALER, {"rbac": {"serviceAccount": {"name": "account"}}}),
        (LOAD_BALANCER_CONTROLLER, {"serviceAccount": {"name": "account"}}),
        (TERMINATION_HANDLER, {**QUEUE, "serviceAccount": {"name": "account"}}),
    ],
)
def test_its_pods_have_the_service_account_that_is_made(chart, values):
    made = release(chart, **values)

    assert made["ServiceAccount"]["metadata"] == {"name": "account", "namespace": "tools"}
    assert pod(made["Deployment"])["serviceAccountName"] == "account"
    default = release(chart, **QUEUE)["Deployment"]
    assert pod(default)["serviceAccountName"] == chart


def test_the_load_balancer_controller_has_a_class_of_ingresses_and_is_told_its_name():
    made = release(LOAD_BALANCER_CONTROLLER, clusterName="dev", ingressClass="balanced")

    assert made["IngressClass"]["metadata"] == {"name": "balanced"}
    assert made["IngressClass"]["spec"] == {"controller": ALB}
    assert container(made["Deployment"])["args"] == [
        "--cluster-name=dev",
        "--ingress-class=balanced",
    ]
    assert release(LOAD_BALANCER_CONTROLLER)["IngressClass"]["metadata"] == {"name": "alb"}
    without = release(LOAD_BALANCER_CONTROLLER, createIngressClassResource=False)
    assert without.keys() == {"ServiceAccount", "Deployment"}


def test_the_termination_handler_is_told_each_value_under_its_own_name():
    made = release(
        TERMINATION_HANDLER,
        **QUEUE,
        awsRegion="us-west-2",
        nodeTerminationGracePeriod=120.0,
        deleteSqsMsgIfNodeNotFound=True,
        useProviderId=False,
        workers=10,
        webhookTemplate="",
        resources={"requests": {"cpu": "50m"}},
        tolerations=[],
    )

    assert environment(made["Deployment"]) == {
        "AWS_REGION": "us-west-2",
        "DELETE_SQS_MSG_IF_NODE_NOT_FOUND": "true",
        "ENABLE_SQS_TERMINATION_DRAINING": "true",
        "NAMESPACE": "tools",
        "NODE_TERMINATION_GRACE_PERIOD": "120",
        "QUEUE_URL": "http://127.0.0.1:1/queue",
        "USE_PROVIDER_ID": "false",
        "WEBHOOK_TEMPLATE": "",
        "WORKERS": "10",
    }


def test_without_a_queue_the_termination_handler_is_on_each_node_that_is_selected():
    made = release(
        TERMINATION_HANDLER,
        daemonsetNodeSelector={"lifecycle": "spot"},
        nodeSelector={"pool": "system"},
    )

    assert "Deployment" not in made
    assert pod(made["DaemonSet"])["nodeSelector"] == {"lifecycle": "spot"}
    assert pod(made["DaemonSet"])["tolerations"] == [{"operator": "Exists"}]
    assert "replicas" not in made["DaemonSet"]["spec"]


def allowed(made: dict[str, dict]) -> set[tuple[str, str, str]]:
    return {
        (group, resource, verb)
        for rule in made["ClusterRole"]["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_the_termination_handler_may_drain_nodes_and_no_more():
    made = release(TERMINATION_HANDLER, **QUEUE)

    assert allowed(made) == {
        *(("", "nodes", verb) for verb in ("get", "list", "patch", "update")),
        *(("", "pods", verb) for verb in ("get", "list")),
        ("", "pods/eviction", "create"),
        ("apps", "daemonsets", "get"),
    }
    events = release(TERMINATION_HANDLER, **QUEUE, emitKubernetesEvents=True)
    assert {("", "events", "create"), ("", "events", "patch")} == allowed(events) - allowed(made)


def test_the_termination_handlers_rights_are_its_accounts():
    made = release(TERMINATION_HANDLER, **QUEUE, serviceAccount={"name": "account"})
    binding = made["ClusterRoleBinding"]

    assert binding["roleRef"]["name"] == made["ClusterRole"]["metadata"]["name"]
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "account", "namespace": "tools"}
    ]
