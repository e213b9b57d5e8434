"""What GKE would refuse of a node's configuration, which pools and clusters have alike."""

from collections.abc import Iterator, Sequence

from sandbox.providers.checks import Check, between, exclusive, found, matches, one_of
from sandbox.providers.gcp.checks import labels, one_of_enum, service_account
from sandbox.providers.plugin import Failure
from sandbox.providers.resource_type import Inputs
from sandbox.providers.values import UNKNOWN

_API = "https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/NodeConfig"
_DISKS = "https://cloud.google.com/kubernetes-engine/docs/concepts/storage-overview"
_IMAGES = "https://cloud.google.com/kubernetes-engine/docs/concepts/node-images"
_LABELS = "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/"
_SCOPES = "https://developers.google.com/identity/protocols/oauth2/scopes"
_TYPES = "https://cloud.google.com/compute/docs/machine-resource"
_KEY = r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_VALUE = r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?"
_DISK_TYPES = (
    "pd-standard",
    "pd-balanced",
    "pd-ssd",
    "pd-extreme",
    "hyperdisk-balanced",
    "hyperdisk-throughput",
    "hyperdisk-extreme",
    "hyperdisk-balanced-high-availability",
)
_IMAGE_TYPES = ("COS_CONTAINERD", "UBUNTU_CONTAINERD", "WINDOWS_LTSC_CONTAINERD")
_TOTAL, _CRITICAL = "shutdownGracePeriodSeconds", "shutdownGracePeriodCriticalPodsSeconds"
_SECONDS = (0, 30, 120)
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
)


def replacing(at: str) -> Sequence[str]:
    """Return the parts of a configuration that make a new pool, of nodes that are there."""
    return tuple(f"{at}.{name}" for name in _NEW_NODES)


def node_config(at: str) -> Sequence[Check]:
    """Return the checks of a configuration."""
    return (
        matches(f"{at}.machineType", r"[a-z0-9]+(-[a-z0-9]+)+", _TYPES),
        between(f"{at}.diskSizeGb", 10, 65536, _API),
        one_of(f"{at}.diskType", _DISK_TYPES, _DISKS),
        one_of(f"{at}.imageType", _IMAGE_TYPES, _IMAGES),
        exclusive("spot", "preemptible", within=at),
        service_account(f"{at}.serviceAccount"),
        matches(
            f"{at}.oauthScopes.*",
            r"https://www\.googleapis\.com/auth/[a-z._-]+|[a-z]+(-[a-z]+)*",
            _SCOPES,
        ),
        one_of_enum(f"{at}.workloadMetadataConfig.mode", "WorkloadMetadataConfig", "mode"),
        one_of_enum(f"{at}.loggingVariant", "LoggingVariantConfig", "variant"),
        one_of_enum(f"{at}.taints.*.effect", "NodeTaint", "effect"),
        matches(f"{at}.taints.*.key", _KEY, _LABELS),
        matches(f"{at}.taints.*.value", _VALUE, _LABELS),
        matches(f"{at}.labels.*", _VALUE, _LABELS),
        _label_keys(at),
        labels(f"{at}.resourceLabels"),
        one_of(f"{at}.kubeletConfig.cpuManagerPolicy", ("none", "static"), _API),
        between(f"{at}.kubeletConfig.podPidsLimit", 1024, 4194304, _API),
        _time_to_end(at),
    )


def _label_keys(at: str) -> Check:
    def check(inputs: Inputs) -> Iterator[Failure]:
        keys = dict.fromkeys(key for _, given in found(inputs, f"{at}.labels") for key in given)
        for key in keys:
            for failure in matches("key", _KEY, _LABELS)({"key": key}):
                yield Failure(f"{at}.labels.{key}", failure.reason)

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
