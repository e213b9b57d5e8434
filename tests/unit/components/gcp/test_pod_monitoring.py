"""PodMonitoring: whose metrics are read, where and how often."""

from components.gcp.pod_monitoring import PodMonitoring, PodMonitoringArgs
from tests.unit.components.gcp.exposed_models import on_a_cluster

RESOURCE = "kubernetes:monitoring.googleapis.com/v1:PodMonitoring"


def test_it_reads_the_metrics_of_the_servers_that_have_the_labels(cloud):
    labels = {"app.kubernetes.io/instance": "resnet"}
    cloud.run(
        lambda: PodMonitoring(
            "resnet", PodMonitoringArgs(namespace="serving", labels=labels), on_a_cluster()
        )
    )

    made = cloud.one(RESOURCE, "resnet-monitoring")
    assert made["metadata"] == {"name": "resnet", "namespace": "serving"}
    assert made["spec"] == {
        "selector": {"matchLabels": labels},
        "endpoints": [
            {"port": "rest", "path": "/monitoring/prometheus/metrics", "interval": "30s"}
        ],
    }
    assert cloud.parent_of(RESOURCE) == "tfserving:index:PodMonitoring::resnet"


def test_it_promises_nothing(cloud):
    made = cloud.run(
        lambda: PodMonitoring(
            "resnet", PodMonitoringArgs(namespace="serving", labels={}), on_a_cluster()
        )
    )

    assert cloud.promised(made) == {}
