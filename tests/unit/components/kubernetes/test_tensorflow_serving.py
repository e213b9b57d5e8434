"""TensorFlowServing: the pods it asks for, what scales and protects them, how they are reached."""

from typing import Any

import pytest

from components.bounds import Bounds
from components.kubernetes.model_fetch import ModelRemote
from components.kubernetes.serving_spec import Limits, Requests, TensorFlowServingSpec
from components.kubernetes.taints import Taint
from components.kubernetes.tensorflow_serving import TensorFlowServing, TensorFlowServingArgs

ACCOUNT = "kubernetes:core/v1:ServiceAccount"
AUTOSCALER = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
SERVICE = "kubernetes:core/v1:Service"
LABELS = {
    "app.kubernetes.io/name": "tensorflow-serving",
    "app.kubernetes.io/instance": "resnet",
}


def a_model(*, manifest_digest: str | None = "digest", **spec: Any) -> TensorFlowServing:
    sound: dict[str, Any] = {
        "version": 3,
        "image": "tensorflow/serving:2.19.1",
        "replicas": Bounds(minimum=2, initial=4, maximum=9),
        "requests": Requests(cpu="1500m", memory="2Gi"),
        "limits": Limits(cpu="4", memory="4Gi"),
        "target_cpu_percent": 50,
        "namespace": "vision",
    }
    return TensorFlowServing(
        "resnet",
        TensorFlowServingArgs(
            spec=TensorFlowServingSpec(**{**sound, **spec}),
            remote=ModelRemote(bucket="bucket", options={"type": "s3"}),
            manifest_digest=manifest_digest,
        ),
    )


def template(cloud: Any) -> Any:
    return cloud.one(DEPLOYMENT)["spec"]["template"]


def server(cloud: Any) -> Any:
    (container,) = template(cloud)["spec"]["containers"]
    return container


@pytest.mark.parametrize("typ", [ACCOUNT, AUTOSCALER, BUDGET, DEPLOYMENT, SERVICE])
def test_every_object_has_the_models_name_and_belongs_to_it(cloud, typ):
    cloud.run(a_model)

    metadata = cloud.one(typ)["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("resnet", "vision")
    assert metadata["labels"] == LABELS
    assert cloud.parent_of(typ) == "tfserving:index:TensorFlowServing::resnet"


def test_the_replica_count_is_the_autoscalers_after_creation(cloud):
    cloud.run(a_model)

    assert cloud.one(DEPLOYMENT)["spec"]["replicas"] == 4
    assert cloud.options(DEPLOYMENT).ignoreChanges == ["spec.replicas"]


def test_the_autoscaler_moves_within_the_bounds_by_cpu(cloud):
    cloud.run(a_model)

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
        "target": {"type": "Utilization", "averageUtilization": 50},
    }


def test_a_rollout_takes_no_replica_away_and_is_waited_for(cloud):
    cloud.run(a_model)

    spec = cloud.one(DEPLOYMENT)["spec"]
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"},
    }
    timeouts = cloud.options(DEPLOYMENT).customTimeouts
    assert (timeouts.create, timeouts.update) == ("1200s", "1200s")
    assert spec["progressDeadlineSeconds"] == 1200


def test_selectors_are_the_pods_own_labels(cloud):
    cloud.run(a_model)

    assert template(cloud)["metadata"]["labels"] == LABELS
    assert cloud.one(DEPLOYMENT)["spec"]["selector"] == {"matchLabels": LABELS}
    assert cloud.one(SERVICE)["spec"]["selector"] == LABELS
    assert cloud.one(BUDGET)["spec"] == {
        "maxUnavailable": "25%",
        "selector": {"matchLabels": LABELS},
    }


def test_the_service_has_both_ports_and_is_not_waited_for_twice(cloud):
    cloud.run(a_model)

    service = cloud.one(SERVICE)
    assert service["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}
    assert service["spec"]["type"] == "ClusterIP"
    assert service["spec"]["ports"] == [
        {"name": "grpc", "port": 8500, "targetPort": "grpc"},
        {"name": "rest", "port": 8501, "targetPort": "rest"},
    ]
    assert server(cloud)["ports"] == [
        {"name": "grpc", "containerPort": 8500},
        {"name": "rest", "containerPort": 8501},
    ]


def test_every_flag_is_explicit(cloud):
    cloud.run(a_model)

    assert server(cloud)["command"] == ["/usr/bin/tensorflow_model_server"]
    assert server(cloud)["args"] == [
        "--enable_batching=false",
        "--enable_model_warmup=true",
        "--enable_profiler=false",
        "--file_system_poll_wait_seconds=0",
        "--flush_filesystem_caches=true",
        "--grpc_max_threads=8",
        "--load_retry_interval_micros=0",
        "--max_num_load_retries=0",
        "--model_base_path=/models/resnet",
        "--model_name=resnet",
        "--port=8500",
        "--rest_api_num_threads=8",
        "--rest_api_port=8501",
        "--rest_api_timeout_in_ms=30000",
        "--tensorflow_inter_op_parallelism=2",
        "--tensorflow_intra_op_parallelism=2",
    ]


def test_the_server_is_the_image_and_resources_of_the_spec(cloud):
    cloud.run(a_model)

    assert server(cloud)["image"] == "tensorflow/serving:2.19.1"
    assert server(cloud)["resources"] == {
        "requests": {"cpu": "1500m", "memory": "2Gi"},
        "limits": {"cpu": "4", "memory": "4Gi"},
    }


def test_without_a_cpu_limit_none_is_set(cloud):
    cloud.run(lambda: a_model(limits=Limits(memory="4Gi")))

    assert server(cloud)["resources"]["limits"] == {"memory": "4Gi"}


def test_the_model_is_fetched_to_where_the_server_reads(cloud):
    cloud.run(a_model)

    (fetch,) = template(cloud)["spec"]["initContainers"]
    environment = {each["name"]: each["value"] for each in fetch["env"]}
    assert environment["KEY"] == "models/resnet/3"
    assert environment["TARGET"] == "/models/resnet/3"
    assert fetch["volumeMounts"] == [{"name": "models", "mountPath": "/models"}]
    assert server(cloud)["volumeMounts"] == [
        {"name": "models", "mountPath": "/models", "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},
    ]
    assert template(cloud)["spec"]["volumes"] == [
        {"name": "models", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
    ]


def test_probes_tell_available_from_alive(cloud):
    cloud.run(a_model)

    available = {"path": "/v1/models/resnet/metadata", "port": "rest"}
    assert server(cloud)["startupProbe"] == {
        "httpGet": available,
        "periodSeconds": 5,
        "failureThreshold": 60,
    }
    assert server(cloud)["readinessProbe"] == {
        "httpGet": available,
        "periodSeconds": 5,
        "timeoutSeconds": 2,
    }
    assert server(cloud)["livenessProbe"] == {
        "tcpSocket": {"port": "grpc"},
        "periodSeconds": 10,
        "failureThreshold": 6,
    }


def test_the_drain_fits_the_notice_of_a_spot_instance(cloud):
    cloud.run(a_model)

    assert server(cloud)["lifecycle"] == {"preStop": {"sleep": {"seconds": 30}}}
    assert template(cloud)["spec"]["terminationGracePeriodSeconds"] == 35


def test_the_autoscaler_may_remove_nodes_that_hold_copies_of_models(cloud):
    cloud.run(a_model)

    annotations = template(cloud)["metadata"]["annotations"]
    key = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"
    volumes = {each["name"] for each in template(cloud)["spec"]["volumes"]}
    assert set(annotations[key].split(",")) == volumes


def test_other_files_of_the_same_version_roll_the_pods(cloud):
    cloud.run(a_model)

    assert template(cloud)["metadata"]["annotations"]["tfserving/manifest-digest"] == "digest"


def test_without_a_known_manifest_there_is_no_digest(cloud):
    cloud.run(lambda: a_model(manifest_digest=None))

    assert "tfserving/manifest-digest" not in template(cloud)["metadata"]["annotations"]


def test_pods_have_no_more_rights_than_they_need(cloud):
    cloud.run(a_model)

    pod = template(cloud)["spec"]
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10_001,
        "runAsGroup": 10_001,
        "fsGroup": 10_001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    for container in [*pod["initContainers"], *pod["containers"]]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    assert pod["serviceAccountName"] == "resnet"
    assert pod["automountServiceAccountToken"] is False
    assert cloud.one(ACCOUNT)["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False


def test_pods_go_where_the_spec_says_and_spread_if_they_can(cloud):
    taint = Taint(key="spot", value="yes", effect="NoExecute")
    cloud.run(lambda: a_model(node_selector={"intent": "apps"}, tolerations=(taint,)))

    pod = template(cloud)["spec"]
    assert pod["nodeSelector"] == {"intent": "apps"}
    assert pod["tolerations"] == [
        {"key": "spot", "operator": "Equal", "value": "yes", "effect": "NoExecute"}
    ]
    assert pod["topologySpreadConstraints"] == [
        {
            "topologyKey": key,
            "maxSkew": 1,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": LABELS},
            "matchLabelKeys": ["pod-template-hash"],
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]


def test_it_promises_where_it_is_to_be_had(cloud):
    model = cloud.run(a_model)

    assert cloud.promised(model) == {
        "rest_url": "http://resnet.vision.svc.cluster.local:8501/v1/models/resnet",
        "grpc_address": "resnet.vision.svc.cluster.local:8500",
    }
