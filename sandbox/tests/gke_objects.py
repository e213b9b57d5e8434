"""Objects of the kinds that GKE defines, as a program makes them."""

from typing import Any

from sandbox.kubernetes_api import Object

GATEWAY_API, GKE_API = "gateway.networking.k8s.io/v1", "networking.gke.io/v1"
TARGET = {"group": "", "kind": "Service", "name": "web"}
TLS = {"mode": "Terminate", "options": {"networking.gke.io/pre-shared-certs": "web"}}


def of_kind(api_version: str, kind: str, space: str, spec: Object, **metadata: Any) -> Object:
    where = {"namespace": space} if space else {}
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "web", **where, **metadata},
        "spec": spec,
    }


def gateway(space: str, *, listener: Object | None = None, **spec: Any) -> Object:
    http = {"name": "http", "protocol": "HTTP", "port": 80}
    given = {"gatewayClassName": "gke-l7-rilb", "listeners": [{**http, **(listener or {})}], **spec}
    return of_kind(GATEWAY_API, "Gateway", space, given)


def route(space: str, *, service: str = "web", port: int | None = 8501, **rule: Any) -> Object:
    match = {"path": {"type": "Exact", "value": "/v1/models/web:predict"}}
    backend = {"name": service, **({} if port is None else {"port": port})}
    given = {"matches": [match], "backendRefs": [backend], **rule}
    return of_kind(
        GATEWAY_API, "HTTPRoute", space, {"parentRefs": [{"name": "web"}], "rules": [given]}
    )


def health_check(space: str, *, config: Object | None = None, **default: Any) -> Object:
    http = {"portSpecification": "USE_FIXED_PORT", "port": 8501, "requestPath": "/v1/models/web"}
    given = {"config": config or {"type": "HTTP", "httpHealthCheck": http}, **default}
    return of_kind(GKE_API, "HealthCheckPolicy", space, {"default": given, "targetRef": TARGET})


def backend_policy(space: str, **default: Any) -> Object:
    given = {"timeoutSec": 30, "connectionDraining": {"drainingTimeoutSec": 25}, **default}
    return of_kind(GKE_API, "GCPBackendPolicy", space, {"default": given, "targetRef": TARGET})


def gateway_policy(space: str, **default: Any) -> Object:
    target = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "web"}
    given = {"sslPolicy": "tls", **default}
    return of_kind(GKE_API, "GCPGatewayPolicy", space, {"default": given, "targetRef": target})


def monitoring(space: str, **endpoint: Any) -> Object:
    given = {"port": "rest", "path": "/metrics", "interval": "30s", **endpoint}
    spec = {"selector": {"matchLabels": {"app": "web"}}, "endpoints": [given]}
    return of_kind("monitoring.googleapis.com/v1", "PodMonitoring", space, spec)


def compute_class(**spec: Any) -> Object:
    given = {
        "priorities": [{"nodepools": ["spot"]}, {"nodepools": ["spot-fallback"]}],
        "whenUnsatisfiable": "DoNotScaleUp",
        "activeMigration": {"optimizeRulePriority": True},
        "nodePoolAutoCreation": {"enabled": False},
        **spec,
    }
    return of_kind("cloud.google.com/v1", "ComputeClass", "", given)
