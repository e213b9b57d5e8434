"""Metrics of models in Google Cloud: managed Prometheus collects them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.gcp.pod_monitoring import PodMonitoring, PodMonitoringArgs


@dataclass(frozen=True)
class ManagedPrometheus:
    """The collectors that GKE runs on each node."""

    # https://docs.cloud.google.com/stackdriver/docs/managed-prometheus/setup-managed
    namespaces: Sequence[str] = ("gmp-system", "gke-gmp-system")

    def watch(
        self,
        name: str,
        namespace: pulumi.Input[str],
        labels: Mapping[str, str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        """Have the metrics of the pods with these labels collected."""
        PodMonitoring(name, PodMonitoringArgs(namespace=namespace, labels=labels), opts)
