"""What releases leave in a cluster, for the charts whose programs run in the sandbox.

No chart is fetched. Of what a chart makes of its values this has the parts that are read here:
where its pods go, what their program is told, and, for a program that is the real one, its rights.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.kubernetes_api import Object, section
from sandbox.providers.values import Properties, is_mapping

AUTOSCALER = "cluster-autoscaler"
TERMINATION_HANDLER = "aws-node-termination-handler"
LOAD_BALANCER_CONTROLLER = "aws-load-balancer-controller"
AUTOSCALER_IMAGE = "registry.k8s.io/autoscaling/cluster-autoscaler"
TERMINATION_HANDLER_IMAGE = "public.ecr.aws/aws-ec2/aws-node-termination-handler"
LOAD_BALANCER_CONTROLLER_IMAGE = "public.ecr.aws/eks/aws-load-balancer-controller"
BY_HELM = ("app.kubernetes.io/managed-by", "Helm")
"""The label of the pods."""

PRIORITIES = "cluster-autoscaler-priority-expander"
"""The ConfigMap in which the autoscaler's priority expander reads which groups to prefer."""

ALB = "ingress.k8s.aws/alb"
"""What the load balancer controller is called in the classes of Ingresses that are its own."""

_RBAC = "rbac.authorization.k8s.io/v1"
_NETWORKING = "networking.k8s.io/v1"
_DISCOVERY = "asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/{cluster}"
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def objects(release: Properties) -> list[Object]:
    """Return the objects of a release; none for a chart whose program does not run here."""
    chart = str(release["chart"]).rpartition("/")[2]
    make = _CHARTS.get(chart)
    return make(release, section(release, "values")) if make else []


def _autoscaler(release: Properties, values: Object) -> list[Object]:
    account = section(values, "rbac", "serviceAccount").get("name", AUTOSCALER)
    cluster = section(values, "autoDiscovery").get("clusterName", "")
    arguments = {
        "cloud-provider": values.get("cloudProvider", "aws"),
        "namespace": release["namespace"],
        "node-group-auto-discovery": _DISCOVERY.format(cluster=cluster),
        **section(values, "extraArgs"),
    }
    command = ["./cluster-autoscaler", *(f"--{k}={_text(v)}" for k, v in arguments.items())]
    container = {
        "name": AUTOSCALER,
        "image": _image(values, AUTOSCALER_IMAGE),
        "command": command,
        "env": [{"name": "AWS_REGION", "value": values.get("awsRegion", "")}],
    }
    priorities = section(values, "expanderPriorities")
    made = [_namespaced(release, "v1", "ServiceAccount", account)]
    if priorities:
        lines = [f"{p}:\n" + "".join(f"  - {name}\n" for name in priorities[p]) for p in priorities]
        data = {"data": {"priorities": "".join(lines)}}
        made.append(_namespaced(release, "v1", "ConfigMap", PRIORITIES, data))
    return [*made, _deployment(release, values, account, container)]


def _load_balancer_controller(release: Properties, values: Object) -> list[Object]:
    account = section(values, "serviceAccount").get("name", LOAD_BALANCER_CONTROLLER)
    ingress_class = values.get("ingressClass", "alb")
    arguments = {"cluster-name": values.get("clusterName", ""), "ingress-class": ingress_class}
    container = {
        "name": LOAD_BALANCER_CONTROLLER,
        "image": _image(values, LOAD_BALANCER_CONTROLLER_IMAGE),
        "args": [f"--{key}={value}" for key, value in arguments.items()],
    }
    made = [_namespaced(release, "v1", "ServiceAccount", account)]
    if values.get("createIngressClassResource", True):
        spec = {"spec": {"controller": ALB}}
        metadata = {"metadata": {"name": ingress_class}}
        made.append({"apiVersion": _NETWORKING, "kind": "IngressClass", **metadata, **spec})
    return [*made, _deployment(release, {"replicaCount": 2, **values}, account, container)]


def _termination_handler(release: Properties, values: Object) -> list[Object]:
    account = section(values, "serviceAccount").get("name", TERMINATION_HANDLER)
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": account}
    subject = {"kind": "ServiceAccount", "name": account, "namespace": release["namespace"]}
    container = {
        "name": TERMINATION_HANDLER,
        "image": _image(values, TERMINATION_HANDLER_IMAGE),
        "env": [*_environment(values), {"name": "NAMESPACE", "value": release["namespace"]}],
    }
    queue = values.get("enableSqsTerminationDraining") is True
    workload = _deployment if queue else _daemon_set
    return [
        _namespaced(release, "v1", "ServiceAccount", account),
        {
            "apiVersion": _RBAC,
            "kind": "ClusterRole",
            "metadata": {"name": account},
            "rules": _termination_handler_rules(values),
        },
        {
            "apiVersion": _RBAC,
            "kind": "ClusterRoleBinding",
            "metadata": {"name": account},
            "roleRef": role,
            "subjects": [subject],
        },
        workload(release, values, account, container),
    ]


def _termination_handler_rules(values: Object) -> list[Object]:
    # https://github.com/aws/aws-node-termination-handler/blob/v1.25.6/config/helm/aws-node-termination-handler/templates/clusterrole.yaml
    rules = [
        _allowed("", "nodes", "get", "list", "patch", "update"),
        _allowed("", "pods", "get", "list"),
        _allowed("", "pods/eviction", "create"),
        _allowed("apps", "daemonsets", "get"),
    ]
    if values.get("emitKubernetesEvents"):
        rules.append(_allowed("", "events", "create", "patch"))
    return rules


def _allowed(group: str, resource: str, *verbs: str) -> Object:
    return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}


def _environment(values: Object) -> list[Object]:
    # The chart spells each of its handler's variables as the value is spelt: queueURL, QUEUE_URL.
    return [
        {"name": _WORD.sub("_", name).upper(), "value": _text(value)}
        for name, value in sorted(values.items())
        if not is_mapping(value) and not isinstance(value, list)
    ]


def _deployment(release: Properties, values: Object, account: str, container: Object) -> Object:
    replicas = values.get("replicaCount", values.get("replicas", 1))
    return _workload(release, "Deployment", _pod(values, account, container), replicas=replicas)


def _daemon_set(release: Properties, values: Object, account: str, container: Object) -> Object:
    everywhere = {"tolerations": [{"operator": "Exists"}], "hostNetwork": True}
    pod = {**_pod(values, account, container), **everywhere}
    pod["nodeSelector"] = section(values, "daemonsetNodeSelector")
    return _workload(release, "DaemonSet", pod)


def _pod(values: Object, account: str, container: Object) -> Object:
    resources = section(values, "resources")
    return {
        "serviceAccountName": account,
        "priorityClassName": values.get("priorityClassName", ""),
        "nodeSelector": section(values, "nodeSelector"),
        "tolerations": values.get("tolerations") or [],
        "terminationGracePeriodSeconds": 1,  # there is no program in it that has to end
        "containers": [{**container, "resources": resources}],
    }


def _workload(release: Properties, kind: str, pod: Object, **spec: Any) -> Object:
    labels = {"app.kubernetes.io/instance": release["name"]}
    template = {"metadata": {"labels": {**labels, BY_HELM[0]: BY_HELM[1]}}, "spec": pod}
    body = {"selector": {"matchLabels": labels}, "template": template, **spec}
    return _namespaced(release, "apps/v1", kind, release["name"], {"spec": body})


def _namespaced(
    release: Properties,
    api_version: str,
    kind: str,
    name: str,
    more: Mapping[str, Any] | None = None,
) -> Object:
    metadata = {"name": name, "namespace": release["namespace"]}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **(more or {})}


def _image(values: Object, repository: str) -> str:
    image = section(values, "image")
    return f"{image.get('repository', repository)}:{image.get('tag', 'latest')}"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    # Numbers reach a provider as floats.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


_CHARTS: Mapping[str, Callable[[Properties, Object], list[Object]]] = {
    AUTOSCALER: _autoscaler,
    LOAD_BALANCER_CONTROLLER: _load_balancer_controller,
    TERMINATION_HANDLER: _termination_handler,
}
