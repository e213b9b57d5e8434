"""What Managed Service for Prometheus reads of pods."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components.kubernetes.server_files import METRICS_PATH

# What it costs is told by samples: more often is dearer in proportion.
# https://cloud.google.com/stackdriver/docs/managed-prometheus/cost-controls
_INTERVAL = "30s"


@dataclass(frozen=True, kw_only=True)
class PodMonitoringArgs:
    """Which pods, by their labels."""

    namespace: pulumi.Input[str]
    labels: Mapping[str, str]


class PodMonitoring(pulumi.ComponentResource):
    """The metrics of every pod that has these labels are kept in Cloud Monitoring."""

    def __init__(
        self, name: str, args: PodMonitoringArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:PodMonitoring", name, {}, opts)
        # https://github.com/GoogleCloudPlatform/prometheus-engine/blob/main/doc/api.md#podmonitoring
        k8s.apiextensions.CustomResource(
            f"{name}-monitoring",
            api_version="monitoring.googleapis.com/v1",
            kind="PodMonitoring",
            metadata={"name": name, "namespace": args.namespace},
            spec={
                "selector": {"matchLabels": dict(args.labels)},
                "endpoints": [{"port": "rest", "path": METRICS_PATH, "interval": _INTERVAL}],
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
