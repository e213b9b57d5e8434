"""What GKE would refuse of a node's configuration, which pools and clusters have alike."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from components.gcp.machine_series import cpu_platform_faults, disk_faults
from sandbox.gke.machine_sizes import size_of
from sandbox.gke.nodes import MACHINE_TYPE, SET_BY_GKE
from sandbox.providers.checks import Check, between, exclusive, found, matches, one_of
from sandbox.providers.gcp.checks import NAME, NAMES, labels, service_account
from sandbox.providers.plugin import Failure
from sandbox.providers.resource_type import Inputs
from sandbox.providers.values import UNKNOWN, contains_unknown

_API = "https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/NodeConfig"
_DISKS = "https://cloud.google.com/kubernetes-engine/docs/concepts/storage-overview"
_IMAGES = "https://cloud.google.com/kubernetes-engine/docs/concepts/node-images"
_LABELS = "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/"
_SCOPES = "https://developers.google.com/identity/protocols/oauth2/scopes"
# https://github.com/hashicorp/terraform-provider-google/blob/main/google/tpgresource/service_scope.go
_SHORT_SCOPES = (
    "bigquery|cloud-platform|cloud-source-repos(-ro)?|compute-r[ow]|datastore|logging-write|"
    "monitoring(-read|-write)?|pubsub|service-control|service-management|sql(-admin)?|"
    "storage-(full|ro|rw)|taskqueue|trace|useraccounts-r[ow]|userinfo-email"
)
_TYPES = "https://cloud.google.com/compute/docs/machine-resource"
_SDK = "https://www.pulumi.com/registry/packages/gcp/api-docs/container/nodepool/"
_RESERVED = r"(kubernetes|k8s)\.io/.*"
_KEY = r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_VALUE = r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?"
_DISK_TYPES = ("pd-standard", "pd-balanced", "pd-ssd", "hyperdisk-balanced")
_MOST_DISKS = 24  # https://cloud.google.com/compute/docs/disks/local-ssd, of one machine
_IMAGE_TYPES = r"(?i:COS_CONTAINERD|UBUNTU_CONTAINERD|WINDOWS_(LTSC|SAC)_CONTAINERD)"
_TOTAL, _CRITICAL = "shutdownGracePeriodSeconds", "shutdownGracePeriodCriticalPodsSeconds"
_SECONDS = (0, 30, 120)
# What the provider's schema says forces another resource.
# https://github.com/hashicorp/terraform-provider-google/blob/main/google/services/container/node_config.go
_NEW_NODES = (
    "spot",
    "preemptible",
    "serviceAccount",
    "oauthScopes",
    "minCpuPlatform",
    "metadata",
    "localSsdCount",
    "localNvmeSsdBlockConfig",
    "ephemeralStorageLocalSsdConfig",
    "guestAccelerators",
    "shieldedInstanceConfig",
    "secondaryBootDisks",
    "reservationAffinity",
    "bootDiskKmsKey",
    "confidentialNodes",
    "nodeGroup",
    "sandboxConfig",
    "advancedMachineFeatures",
    "soleTenantConfig",
    "hostMaintenancePolicy",
    "maxRunDuration",
    "flexStart",
    "localSsdEncryptionMode",
    "enableConfidentialStorage",
)


def replacing(at: str) -> Sequence[str]:
    """Return the parts of a configuration that make a new pool, of nodes that are there."""
    return tuple(f"{at}.{name}" for name in _NEW_NODES)


def node_config(at: str) -> Sequence[Check]:
    """Return the checks of a configuration."""
    return (
        _machine_is_known(at),
        _disk_and_platform_are_of_the_machine(at),
        _no_accelerators(at),
        between(f"{at}.diskSizeGb", 10, 65536, _API),
        one_of(f"{at}.diskType", _DISK_TYPES, _DISKS),
        matches(f"{at}.imageType", _IMAGE_TYPES, _IMAGES),
        exclusive("spot", "preemptible", within=at),
        service_account(f"{at}.serviceAccount"),
        matches(
            f"{at}.oauthScopes.*",
            rf"https://www\.googleapis\.com/auth/[a-z._-]+|{_SHORT_SCOPES}",
            _SCOPES,
        ),
        one_of(f"{at}.sandboxConfig.sandboxType", ("gvisor",), _SDK),
        one_of(
            f"{at}.hostMaintenancePolicy.maintenanceInterval",
            ("MAINTENANCE_INTERVAL_UNSPECIFIED", "AS_NEEDED", "PERIODIC"),
            _SDK,
        ),
        read_only_port(f"{at}.kubeletConfig"),
        between(f"{at}.localSsdCount", 0, _MOST_DISKS, _API),
        between(f"{at}.localNvmeSsdBlockConfig.localSsdCount", 0, _MOST_DISKS, _API),
        between(f"{at}.ephemeralStorageLocalSsdConfig.localSsdCount", 0, _MOST_DISKS, _API),
        between(f"{at}.advancedMachineFeatures.threadsPerCore", 1, 2, _API),
        matches(f"{at}.tags.*", NAME, NAMES),
        _taints_are_different(at),
        matches(f"{at}.taints.*.key", _KEY, _LABELS),
        matches(f"{at}.taints.*.value", _VALUE, _LABELS),
        matches(f"{at}.labels.*", _VALUE, _LABELS),
        _label_keys(at),
        labels(f"{at}.resourceLabels"),
        one_of(f"{at}.kubeletConfig.cpuManagerPolicy", ("", "none", "static"), _API),
        between(f"{at}.kubeletConfig.podPidsLimit", 1024, 4194304, _API),
        _time_to_end(at),
    )


def read_only_port(at: str) -> Check:
    """Return the check of what tells whether the kubelet answers without asking who it is."""
    return one_of(f"{at}.insecureKubeletReadonlyPortEnabled", ("TRUE", "FALSE"), _SDK)


def _machine_is_known(at: str) -> Check:
    def check(inputs: Inputs) -> Iterator[Failure]:
        for place, machine_type in found(inputs, f"{at}.machineType"):
            if size_of(machine_type) is None:
                limit = "must be a machine type that the sandbox knows, and none with GPUs"
                yield Failure(place, f"{limit}, got {machine_type!r} ({_TYPES})")

    return check


def _disk_and_platform_are_of_the_machine(at: str) -> Check:
    def check(inputs: Inputs) -> Iterator[Failure]:
        for place, config in found(inputs, at):
            machine_type = config.get("machineType") or MACHINE_TYPE
            disk, platform = config.get("diskType"), config.get("minCpuPlatform")
            if disk in _DISK_TYPES:
                for fault in disk_faults(machine_type, disk):
                    yield Failure(f"{place}.diskType", f"{fault.rule}, got {disk!r} ({_DISKS})")
            if UNKNOWN not in (machine_type, platform):
                for fault in cpu_platform_faults(machine_type, platform):
                    reason = f"{fault.rule}, got {platform!r} ({_TYPES})"
                    yield Failure(f"{place}.minCpuPlatform", reason)

    return check


def _no_accelerators(at: str) -> Check:
    def check(inputs: Inputs) -> Iterator[Failure]:
        for place, each in found(inputs, f"{at}.guestAccelerators.*"):
            given = f"must not be given: nodes of the sandbox have no GPUs, got {each}"
            yield Failure(place, given)

    return check


def _taints_are_different(at: str) -> Check:
    def check(inputs: Inputs) -> Iterator[Failure]:
        for place, taints in found(inputs, f"{at}.taints"):
            known = [each for each in taints if not contains_unknown(each)]
            times = Counter((each["key"], each["effect"]) for each in known)
            for (key, effect), count in times.items():
                if count > 1:
                    reason = f"must be different, got {key} with {effect} {count} times"
                    yield Failure(place, f"{reason} ({_API})")

    return check


def _label_keys(at: str) -> Check:
    def check(inputs: Inputs) -> Iterator[Failure]:
        keys = dict.fromkeys(key for _, given in found(inputs, f"{at}.labels") for key in given)
        for key in keys:
            for failure in matches("key", _KEY, _LABELS)({"key": key}):
                yield Failure(f"{at}.labels.{key}", failure.reason)
            if re.fullmatch(_RESERVED, key) or key in SET_BY_GKE:
                yield Failure(f"{at}.labels.{key}", f"is reserved: GKE sets it ({_SDK})")

    return check


def _of_a_kubelet(kubelet: Inputs, *, spot: bool) -> Iterator[tuple[str, str]]:
    total, critical = kubelet.get(_TOTAL), kubelet.get(_CRITICAL)
    if (total or critical) and not spot:
        yield _TOTAL, "only Spot VMs have one"
    if UNKNOWN in (total, critical):
        return
    if total is not None and total not in _SECONDS:
        yield _TOTAL, f"must be one of {', '.join(map(str, _SECONDS))}, got {total}"
    if critical is not None and not 0 <= critical <= (total or 0):
        yield _CRITICAL, f"must be 0 to {_TOTAL}, {total}, got {critical}"


def _time_to_end(at: str) -> Check:
    """Require a Spot VM's grace periods to be such as the kubelet is told."""

    def check(inputs: Inputs) -> Iterator[Failure]:
        for place, config in found(inputs, at):
            spot = config.get("spot") or config.get("preemptible")
            for where, kubelet in found(config, "kubeletConfig"):
                for name, reason in _of_a_kubelet(kubelet, spot=bool(spot)):
                    yield Failure(f"{place}.{where}.{name}", f"{reason} ({_API})")

    return check
