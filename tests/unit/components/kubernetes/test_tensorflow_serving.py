"""TensorFlowServing: its objects, what scales and protects them, how they are reached."""

import pytest

from components.kubernetes.autoscaling import ScalingRate, ScalingSpec
from components.kubernetes.server_files import content_digest, server_files
from tests.unit.components.kubernetes.servers import (
    DEPLOYMENT,
    DRAIN,
    LABELS,
    a_server,
    resnet,
    template,
)

ACCOUNT = "kubernetes:core/v1:ServiceAccount"
AUTOSCALER = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
SERVICE = "kubernetes:core/v1:Service"


@pytest.mark.parametrize("typ", [ACCOUNT, AUTOSCALER, BUDGET, DEPLOYMENT, SERVICE])
def test_every_object_has_the_models_name_and_belongs_to_it(cloud, typ):
    cloud.run(a_server)

    metadata = cloud.one(typ)["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("resnet", "vision")
    assert metadata["labels"] == LABELS
    assert cloud.parent_of(typ) == "tfserving:index:TensorFlowServing::resnet"


def test_the_replica_count_is_the_autoscalers_after_creation(cloud):
    cloud.run(a_server)

    assert cloud.one(DEPLOYMENT)["spec"]["replicas"] == 4
    assert cloud.options(DEPLOYMENT).ignoreChanges == ["spec.replicas"]


def test_the_autoscaler_moves_within_the_bounds_by_cpu(cloud):
    cloud.run(a_server)

    spec = cloud.one(AUTOSCALER)["spec"]
    assert spec["scaleTargetRef"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "resnet",
    }
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 9)
    (metric,) = spec["metrics"]
    assert metric["resource"] == {
        "name": "cpu",
        "target": {"type": "Utilization", "averageUtilization": 70},
    }


def test_the_autoscaler_goes_by_memory_as_well_if_that_has_a_target(cloud):
    cloud.run(lambda: a_server(target_cpu_percent=50, target_memory_percent=80))

    metrics = [each["resource"] for each in cloud.one(AUTOSCALER)["spec"]["metrics"]]
    assert {each["name"]: each["target"]["averageUtilization"] for each in metrics} == {
        "cpu": 50,
        "memory": 80,
    }


def test_the_autoscaler_has_the_rates_of_the_spec(cloud):
    cloud.run(lambda: a_server(scaling=ScalingSpec(down=ScalingRate(pods=1))))

    behavior = cloud.one(AUTOSCALER)["spec"]["behavior"]
    assert [each["value"] for each in behavior["scaleUp"]["policies"]] == [100, 4]
    assert behavior["scaleDown"]["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 60}]


def test_the_files_of_the_server_have_a_name_that_goes_with_their_content(cloud):
    cloud.run(a_server)

    files = server_files("resnet", resnet())
    config = cloud.one(CONFIG_MAP)
    assert config["data"] == files
    assert config["immutable"] is True
    assert config["metadata"] == {
        "name": f"resnet-{content_digest(files)}",
        "namespace": "vision",
        "labels": LABELS,
    }
    digest = template(cloud)["metadata"]["annotations"]["tfserving/config-digest"]
    assert digest == content_digest(files)


def test_a_rollout_takes_no_replica_away_and_is_waited_for(cloud):
    cloud.run(a_server)

    spec = cloud.one(DEPLOYMENT)["spec"]
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"},
    }
    timeouts = cloud.options(DEPLOYMENT).customTimeouts
    assert (timeouts.create, timeouts.update) == ("815s", "3260s")
    assert spec["progressDeadlineSeconds"] == 815


def test_selectors_are_the_pods_own_labels(cloud):
    cloud.run(a_server)

    assert template(cloud)["metadata"]["labels"] == LABELS
    assert cloud.one(DEPLOYMENT)["spec"]["selector"] == {"matchLabels": LABELS}
    assert cloud.one(SERVICE)["spec"]["selector"] == LABELS
    assert cloud.one(BUDGET)["spec"] == {
        "maxUnavailable": DRAIN.max_unavailable,
        "selector": {"matchLabels": LABELS},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }


def test_the_service_has_both_ports_and_is_not_waited_for_twice(cloud):
    cloud.run(a_server)

    service = cloud.one(SERVICE)
    assert service["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}
    assert service["spec"]["type"] == "ClusterIP"
    assert service["spec"]["ports"] == [
        {"name": "grpc", "port": 8500, "targetPort": "grpc"},
        {"name": "rest", "port": 8501, "targetPort": "rest"},
    ]


@pytest.mark.parametrize(
    ("spec", "seconds"), [({"model_size": "10Gi"}, 2196), ({"startup_seconds": 5}, 657)]
)
def test_a_rollout_waits_for_as_long_as_a_model_takes_to_come_and_to_load(cloud, spec, seconds):
    cloud.run(lambda: a_server(**spec))

    assert cloud.one(DEPLOYMENT)["spec"]["progressDeadlineSeconds"] == seconds


def test_other_files_of_the_same_versions_roll_the_pods(cloud):
    cloud.run(lambda: a_server(args={"manifest_digests": ["one", "two"]}))

    assert template(cloud)["metadata"]["annotations"]["tfserving/manifest-digest"] == "one,two"


def test_without_a_known_manifest_there_is_no_digest(cloud):
    cloud.run(a_server)

    assert "tfserving/manifest-digest" not in template(cloud)["metadata"]["annotations"]


def test_no_token_is_given_to_who_asks_for_the_account(cloud):
    cloud.run(a_server)

    assert cloud.one(ACCOUNT)["automountServiceAccountToken"] is False


def test_it_promises_where_it_is_to_be_had(cloud):
    server = cloud.run(a_server)

    assert cloud.promised(server) == {
        "service_name": "resnet",
        "rest_url": "http://resnet.vision.svc.cluster.local:8501/v1/models/resnet",
        "grpc_address": "resnet.vision.svc.cluster.local:8500",
    }


def test_of_several_versions_the_url_has_that_of_the_spec(cloud):
    server = cloud.run(lambda: a_server(version_labels={"canary": 4}))

    url = "http://resnet.vision.svc.cluster.local:8501/v1/models/resnet/versions/3"
    assert cloud.promised(server)["rest_url"] == url


def test_its_autoscaler_does_not_wait_for_a_rollout(cloud):
    # Fewer replicas may be what a rollout waits for, where it has no room for as many as before.
    cloud.run(a_server)

    assert "resnet-deployment" not in cloud.waits_for(AUTOSCALER)
