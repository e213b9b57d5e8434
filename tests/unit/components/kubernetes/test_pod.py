"""The pods of a server: its flags and files, its probes, how it leaves, where it may run."""

import pytest

from components.kubernetes.batching import BatchingSpec
from components.kubernetes.pod import Lifecycle
from components.kubernetes.resources import Limits, Requests
from components.kubernetes.serving_spec import ServedVersions, ThreadsSpec
from components.kubernetes.taints import Taint
from tests.unit.components.kubernetes.servers import (
    DRAIN,
    LABELS,
    a_server,
    arguments,
    container,
    template,
)

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"


def test_every_flag_is_explicit(cloud):
    cloud.run(a_server)

    assert container(cloud)["command"] == ["/usr/bin/tensorflow_model_server"]
    assert container(cloud)["args"] == [
        "--allow_version_labels_for_unavailable_models=true",
        "--enable_batching=false",
        "--enable_model_warmup=true",
        "--enable_profiler=false",
        "--file_system_poll_wait_seconds=0",
        "--flush_filesystem_caches=true",
        "--grpc_channel_arguments="
        "grpc.max_connection_age_ms=30000,grpc.max_connection_age_grace_ms=10000",
        "--grpc_max_threads=8",
        "--load_retry_interval_micros=0",
        "--max_num_load_retries=0",
        "--model_config_file=/etc/tensorflow-serving/models.config",
        "--monitoring_config_file=/etc/tensorflow-serving/monitoring.config",
        "--port=8500",
        "--rest_api_num_threads=8",
        "--rest_api_port=8501",
        "--rest_api_timeout_in_ms=10000",
        "--tensorflow_inter_op_parallelism=2",
        "--tensorflow_intra_op_parallelism=1",
    ]


def test_batching_brings_its_flag_and_its_file_together(cloud):
    cloud.run(lambda: a_server(batching=BatchingSpec(max_batch_size=8)))

    assert arguments(cloud)["enable_batching"] == "true"
    path = arguments(cloud)["batching_parameters_file"]
    assert path == "/etc/tensorflow-serving/batching.config"
    assert "batching.config" in cloud.one(CONFIG_MAP)["data"]


def test_every_file_that_a_flag_names_is_mounted(cloud):
    cloud.run(lambda: a_server(batching=BatchingSpec(max_batch_size=8)))

    named = {value for flag, value in arguments(cloud).items() if flag.endswith("_file")}
    assert named == {f"/etc/tensorflow-serving/{file}" for file in cloud.one(CONFIG_MAP)["data"]}
    (volume,) = [each for each in template(cloud)["spec"]["volumes"] if "configMap" in each]
    assert volume["configMap"] == {"name": cloud.one(CONFIG_MAP)["metadata"]["name"]}
    assert {
        "name": volume["name"],
        "mountPath": "/etc/tensorflow-serving",
        "readOnly": True,
    } in container(cloud)["volumeMounts"]


@pytest.mark.parametrize(
    ("cpu", "given", "threads"),
    [
        ("500m", ThreadsSpec(), ("1", "2", "4")),
        ("2", ThreadsSpec(), ("2", "2", "8")),
        ("3900m", ThreadsSpec(), ("3", "2", "16")),
        ("2", ThreadsSpec(intra_op=8, inter_op=4), ("8", "4", "8")),
    ],
)
def test_threads_follow_the_cpu_request_unless_they_are_given(cloud, cpu, given, threads):
    requests = Requests(cpu=cpu, memory="2Gi")
    cloud.run(lambda: a_server(requests=requests, threads=given))

    flags = arguments(cloud)
    assert threads == (
        flags["tensorflow_intra_op_parallelism"],
        flags["tensorflow_inter_op_parallelism"],
        flags["rest_api_num_threads"],
    )
    assert flags["grpc_max_threads"] == flags["rest_api_num_threads"]


def test_the_longest_request_and_the_age_of_connections_reach_the_server(cloud):
    cloud.run(lambda: a_server(longest_request_seconds=7, grpc_connection_age_seconds=20))

    assert arguments(cloud)["rest_api_timeout_in_ms"] == "7000"
    assert arguments(cloud)["grpc_channel_arguments"] == (
        "grpc.max_connection_age_ms=20000,grpc.max_connection_age_grace_ms=7000"
    )


def test_the_server_is_the_image_and_resources_of_the_spec(cloud):
    cloud.run(a_server)

    assert container(cloud)["image"] == "tensorflow/serving:2.19.1"
    assert container(cloud)["ports"] == [
        {"name": "grpc", "containerPort": 8500},
        {"name": "rest", "containerPort": 8501},
    ]
    assert container(cloud)["resources"] == {
        "requests": {"cpu": "1500m", "memory": "2Gi"},
        "limits": {"cpu": "4", "memory": "4Gi"},
    }


def test_without_a_cpu_limit_none_is_set(cloud):
    cloud.run(lambda: a_server(limits=Limits(memory="4Gi")))

    assert container(cloud)["resources"]["limits"] == {"memory": "4Gi"}


def fetched(cloud):
    return {
        each["name"]: {variable["name"]: variable["value"] for variable in each["env"]}
        for each in template(cloud)["spec"]["initContainers"]
    }


def test_the_model_is_fetched_to_where_the_server_reads(cloud):
    cloud.run(a_server)

    (environment,) = fetched(cloud).values()
    assert environment["KEY"] == "models/resnet/3"
    assert environment["TARGET"] == "/models/resnet/3"
    models = {"name": "models", "mountPath": "/models"}
    (fetch,) = template(cloud)["spec"]["initContainers"]
    assert fetch["name"] == "fetch-model"
    assert fetch["volumeMounts"] == [models]
    assert container(cloud)["volumeMounts"] == [
        {**models, "readOnly": True},
        {"name": "config", "mountPath": "/etc/tensorflow-serving", "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},
    ]
    volumes = template(cloud)["spec"]["volumes"]
    assert [each for each in volumes if "emptyDir" in each] == [
        {"name": "models", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
    ]


def test_each_version_of_each_model_has_a_fetcher(cloud):
    also = {"detector": ServedVersions(version=7)}
    cloud.run(lambda: a_server(version_labels={"canary": 4}, also=also))

    assert [(name, each["TARGET"]) for name, each in fetched(cloud).items()] == [
        ("fetch-model-1", "/models/resnet/3"),
        ("fetch-model-2", "/models/resnet/4"),
        ("fetch-model-3", "/models/detector/7"),
    ]


def test_probes_tell_available_from_alive(cloud):
    cloud.run(a_server)

    available = {"path": "/v1/models/resnet/metadata", "port": "rest"}
    assert container(cloud)["startupProbe"] == {
        "httpGet": available,
        "periodSeconds": 5,
        "failureThreshold": 33,
    }
    assert container(cloud)["readinessProbe"] == {
        "httpGet": available,
        "periodSeconds": 5,
        "timeoutSeconds": 2,
    }
    assert container(cloud)["livenessProbe"] == {
        "tcpSocket": {"port": "grpc"},
        "periodSeconds": 10,
        "failureThreshold": 6,
    }


def test_with_several_versions_the_probes_ask_for_the_one_of_the_spec(cloud):
    cloud.run(lambda: a_server(version_labels={"canary": 4}, model="other"))

    path = container(cloud)["readinessProbe"]["httpGet"]["path"]
    assert path == "/v1/models/other/versions/3/metadata"


@pytest.mark.parametrize(
    ("spec", "failures"),
    [
        ({"model_size": "500Mi"}, 22),
        ({"model_size": "10Gi"}, 217),
        ({"startup_seconds": 11}, 3),
    ],
)
def test_a_large_model_has_longer_to_start(cloud, spec, failures):
    cloud.run(lambda: a_server(**spec))

    assert container(cloud)["startupProbe"]["failureThreshold"] == failures


def test_a_pod_leaves_as_it_is_told(cloud):
    cloud.run(a_server)

    sleep = {"sleep": {"seconds": DRAIN.pre_stop_seconds}}
    assert container(cloud)["lifecycle"] == {"preStop": sleep}
    assert template(cloud)["spec"]["terminationGracePeriodSeconds"] == DRAIN.grace_seconds


def test_the_autoscaler_may_remove_nodes_that_hold_copies_of_models(cloud):
    cloud.run(a_server)

    annotations = template(cloud)["metadata"]["annotations"]
    key = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"
    volumes = [each["name"] for each in template(cloud)["spec"]["volumes"] if "emptyDir" in each]
    assert annotations[key].split(",") == volumes


def test_pods_have_no_more_rights_than_they_need(cloud):
    cloud.run(a_server)

    pod = template(cloud)["spec"]
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10_001,
        "runAsGroup": 10_001,
        "fsGroup": 10_001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    for each in [*pod["initContainers"], *pod["containers"]]:
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    assert pod["serviceAccountName"] == "resnet"
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False


def test_pods_go_where_the_spec_says_and_spread_if_they_can(cloud):
    taint = Taint(key="spot", value="yes", effect="NoExecute")
    cloud.run(lambda: a_server(node_selector={"intent": "apps"}, tolerations=(taint,)))

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
    assert "affinity" not in pod
    assert "priorityClassName" not in pod


SPOT_NODES = {"lifecycle": Lifecycle(value="Ec2Spot", required=True)}
SPOT = {"matchExpressions": [{"key": "lifecycle", "operator": "In", "values": ["Ec2Spot"]}]}


def test_a_lifecycle_is_required(cloud):
    cloud.run(lambda: a_server(args=SPOT_NODES))

    assert template(cloud)["spec"]["affinity"]["nodeAffinity"] == {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [SPOT]}
    }


def test_a_lifecycle_is_preferred_where_there_is_a_fallback(cloud):
    cloud.run(lambda: a_server(args={"lifecycle": Lifecycle(value="Ec2Spot", required=False)}))

    assert template(cloud)["spec"]["affinity"]["nodeAffinity"] == {
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": SPOT}]
    }


def test_pods_come_before_those_of_a_lower_priority(cloud):
    cloud.run(lambda: a_server(args={"priority_class": "serving"}))

    assert template(cloud)["spec"]["priorityClassName"] == "serving"
