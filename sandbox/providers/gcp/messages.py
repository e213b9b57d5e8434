"""What the messages of GKE's API say of a resource's properties: enumerations, durations, times.

A property is beside the field of its name; the few that the provider calls otherwise, or has
elsewhere, are in a table.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from sandbox.providers.checks import Check, found
from sandbox.providers.plugin import Failure
from sandbox.providers.values import is_list, is_mapping

_ELSEWHERE: Mapping[str, str] = {
    "AddonsConfig.cloudrunConfig": "cloud_run_config",
    "Cluster.clusterAutoscaling": "autoscaling",
    "Cluster.datapathProvider": "network_config.datapath_provider",
    "Cluster.dnsConfig": "network_config.dns_config",
    "Cluster.gatewayApiConfig": "network_config.gateway_api_config",
    "Cluster.inTransitEncryptionConfig": "network_config.in_transit_encryption_config",
    "Cluster.networkPerformanceConfig": "network_config.network_performance_config",
    "Cluster.privateIpv6GoogleAccess": "network_config.private_ipv6_google_access",
    "ClusterAutoscaling.autoProvisioningDefaults": "autoprovisioning_node_pool_defaults",
    "LoggingConfig.enableComponents": "component_config.enable_components",
    "MaintenancePolicy.maintenanceExclusions": "window.maintenance_exclusions.value",
    "MaintenancePolicy.recurringWindow": "window.recurring_window",
    "MonitoringConfig.enableComponents": "component_config.enable_components",
    "MonitoringConfig.managedPrometheus": "managed_prometheus_config",
    "NodeConfig.gpudirectStrategy": "gpu_direct_config.gpu_direct_strategy",
    "NodeConfig.guestAccelerators": "accelerators",
    "NodeConfig.loggingVariant": "logging_config.variant_config.variant",
    "NodeConfigDefaults.loggingVariant": "logging_config.variant_config.variant",
    "NodePool.nodeConfig": "config",
    "RecurringTimeWindow.endTime": "window.end_time",
    "RecurringTimeWindow.startTime": "window.start_time",
    "TimeWindow.exclusionOptions": "maintenance_exclusion_options",
    "WindowsNodeConfig.osversion": "os_version",
}

# Where the first member may be given, which mostly says nothing: the SDK or the provider lists it.
# https://github.com/hashicorp/terraform-provider-google/tree/main/google/services/container
_FIRST_TOO = frozenset(
    {
        "ClusterNetworkPerformanceConfig.total_egress_bandwidth_tier",
        "DNSConfig.cluster_dns",
        "DNSConfig.cluster_dns_scope",
        "GPUDriverInstallationConfig.gpu_driver_version",
        "LinuxNodeConfig.cgroup_mode",
        "MaintenanceExclusionOptions.scope",
        "ManagedOpenTelemetryConfig.scope",
        "NetworkConfig.datapath_provider",
        "NetworkPerformanceConfig.total_egress_bandwidth_tier",
        "NetworkPolicy.provider",
        "NodeKernelModuleLoading.policy",
        "ReleaseChannel.channel",
        "ReservationAffinity.consume_reservation_type",
        "SecurityPostureConfig.mode",
        "SecurityPostureConfig.vulnerability_mode",
        "TaintConfig.architecture_taint_behavior",
        "WindowsNodeConfig.os_version",
        "WorkloadMetadataConfig.mode",
    }
)

# Of fields that are messages in Python and strings in JSON.
# https://protobuf.dev/programming-guides/json/
_STRINGS: Mapping[str, tuple[str, str]] = {
    "Duration": (r"\d+(\.\d{1,9})?s", "seconds, such as 3.5s"),
    "Timestamp": (
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
        "a time of RFC 3339, such as 2026-01-31T08:00:00Z",
    ),
}


def message(name: str) -> Check:
    """Require of every property what the message of this name says of it."""

    def check(properties: Mapping[str, Any]) -> Iterator[Failure]:
        # It takes half a second, and inputs that have not changed are not checked.
        from google.cloud.container_v1 import types  # noqa: PLC0415

        yield from _faults(getattr(types, name), properties, "")

    return check


def field_of(message: Any, name: str) -> Any:
    """Return the field that a property of a message stands for; None where there is none."""
    field = None
    for step in _ELSEWHERE.get(f"{message.__name__}.{name}", _snake(name)).split("."):
        fields = getattr(getattr(message, "meta", None), "fields", {})
        names = (step, f"{step}_", step.removesuffix("s"))
        field = next((fields[each] for each in names if each in fields), None)
        message = field.message if field else None
    return field


@cache
def members(field: Any) -> tuple[str, ...]:
    """Return what an enumeration may be: not its first member, but where that is listed."""
    first_too = f"{field.parent.__name__}.{field.name}" in _FIRST_TOO
    return tuple(each.name for each in field.enum if each.value or first_too)


def _faults(message: Any, properties: Mapping[str, Any], at: str) -> Iterator[Failure]:
    for name in properties:
        field = field_of(message, name)
        if field is None:
            continue
        path = f"{name}.*" if is_list(properties[name]) else name
        for place, value in found(properties, path):
            yield from _faults_of_one(field, value, f"{at}{place}")


def _faults_of_one(field: Any, value: Any, at: str) -> Iterator[Failure]:
    if field.enum:
        if value not in (choices := members(field)):
            what = f"{field.name.rstrip('_')} of {field.parent.__name__}"
            yield Failure(at, f"{value!r} is no {what} that GKE knows: {', '.join(choices)}")
    elif field.message and is_mapping(value):
        yield from _faults(field.message, value, f"{at}.")
    elif field.message and field.message.__name__ in _STRINGS:
        pattern, what = _STRINGS[field.message.__name__]
        if not re.fullmatch(pattern, str(value)):
            yield Failure(at, f"must be {what}, got {value!r}")


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
