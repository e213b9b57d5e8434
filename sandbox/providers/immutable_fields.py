"""What the Kubernetes provider replaces an object for, though most would be refused as updates.

The rows are the real provider's own; what is immutable and not among them is refused by the API
server, here as there.
https://github.com/pulumi/pulumi-kubernetes/blob/v4.34.2/provider/pkg/provider/diff.go
"""

from collections.abc import Mapping

from sandbox.kubernetes_api import Object


def _under(parent: str, fields: str) -> tuple[str, ...]:
    return tuple(f"{parent}.{field}" for field in fields.split())


_IDENTITY = ("metadata.name", "metadata.namespace")
_CONFIG_MAP = ("data", "binaryData")
_SECRET = ("data", "stringData", "type")
_CONTAINER = (
    "args command env image imagePullPolicy lifecycle livenessProbe ports readinessProbe resources "
    "securityContext stdin stdinOnce terminationMessagePath terminationMessagePolicy tty "
    "volumeDevices volumeMounts workingDir"
)
_POD = (
    "affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks hostAliases "
    "hostIPC hostNetwork hostPID hostname imagePullSecrets nodeName nodeSelector overhead "
    "preemptionPolicy priority priorityClassName readinessGates restartPolicy runtimeClassName "
    "schedulerName securityContext serviceAccount serviceAccountName shareProcessNamespace "
    "subdomain terminationGracePeriodSeconds volumes"
)

_FIELDS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("apps/v1", "DaemonSet"): ("spec.selector",),
    ("apps/v1", "Deployment"): ("spec.selector",),
    ("apps/v1", "StatefulSet"): _under(
        "spec",
        "podManagementPolicy revisionHistoryLimit selector serviceName volumeClaimTemplates",
    ),
    ("batch/v1", "Job"): _under("spec", "completions parallelism selector template"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): ("roleRef",),
    ("storage.k8s.io/v1", "StorageClass"): ("parameters", "provisioner"),
    ("v1", "PersistentVolume"): _under(
        # Sources of volumes that Kubernetes has removed are left out.
        "spec",
        "awsElasticBlockStore csi fc gcePersistentDisk hostPath iscsi local nfs",
    ),
    ("v1", "PersistentVolumeClaim"): _under(
        "spec", "accessModes selector storageClassName volumeName"
    ),
    ("v1", "Pod"): (
        *_under("spec", _POD),
        *_under("spec.containers", _CONTAINER),
        *_under("spec.initContainers", _CONTAINER),
    ),
    ("v1", "ResourceQuota"): ("spec.scopes",),
    ("v1", "Secret"): ("type",),
    ("v1", "Service"): ("spec.clusterIP",),
}


def immutable_fields(
    body: Object, *, config_maps_mutable: bool = False, secrets_mutable: bool = False
) -> tuple[str, ...]:
    """Return the dotted paths whose change makes a new object of this one."""
    kind = (body.get("apiVersion", ""), body.get("kind", ""))
    fields = _FIELDS.get(kind, ())
    frozen = body.get("immutable") is True
    if kind == ("v1", "ConfigMap") and (frozen or not config_maps_mutable):
        fields = _CONFIG_MAP
    if kind == ("v1", "Secret") and (frozen or not secrets_mutable):
        fields = _SECRET
    return (*_IDENTITY, *fields)
