"""An Application Load Balancer in front of a model, made by GKE for a Gateway."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_gcp as gcp
import pulumi_kubernetes as k8s

from components.kubernetes.exposure import Addresses, Backend, ExposureSpec

_GATEWAY_API, _GKE_API = "gateway.networking.k8s.io/v1", "networking.gke.io/v1"
_API_VERSIONS: Mapping[str, str] = {
    "Gateway": _GATEWAY_API,
    "HTTPRoute": _GATEWAY_API,
    # https://docs.cloud.google.com/kubernetes-engine/docs/how-to/configure-gateway-resources
    "GCPBackendPolicy": _GKE_API,
    "GCPGatewayPolicy": _GKE_API,
    "HealthCheckPolicy": _GKE_API,
}
# https://docs.cloud.google.com/kubernetes-engine/docs/concepts/gateway-api#gatewayclass
_CLASSES: Mapping[str, str] = {
    "internal": "gke-l7-rilb",
    "public": "gke-l7-global-external-managed",
}
_LISTENERS: Mapping[bool, tuple[str, int]] = {False: ("HTTP", 80), True: ("HTTPS", 443)}
# https://www.tensorflow.org/tfx/serving/api_rest; the status of a model is for probes.
_CALLS = (":predict", ":classify", ":regress", "/metadata")
# Paths are compared by whole segments, so that calls of a version cannot be told from its status.
_VERSIONS = ("/versions", "/labels")
# What a Gateway waits for an answer by default.
_ANSWER_SECONDS = 30
# https://docs.cloud.google.com/armor/quotas#limits
_RANGES_OF_A_RULE = 10
_LAST_PRIORITY = 2147483647


@dataclass(frozen=True, kw_only=True)
class GatewayExposureArgs:
    """Who may reach which Service; an internal one has its address in the subnetwork."""

    spec: ExposureSpec
    backend: Backend
    region: str
    subnetwork: pulumi.Input[str] | None = None

    def __post_init__(self) -> None:
        # A security policy that GKE does not attach would leave it open without a word.
        # https://docs.cloud.google.com/kubernetes-engine/docs/how-to/gatewayclass-capabilities
        if self.spec.scope == "internal" and self.spec.cidrs:
            raise ValueError("an internal Gateway cannot tell its clients by their networks")


class GatewayExposure(pulumi.ComponentResource):
    """Lets predictions and metadata through to pods that can predict, from those who are named.

    Its policies are there before it and until it is gone: at no time it is open to others.
    """

    addresses: Addresses

    def __init__(
        self, name: str, args: GatewayExposureArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:GatewayExposure", name, {}, opts)
        spec, backend = args.spec, args.backend
        child = pulumi.ResourceOptions(parent=self)

        def made(
            what: str,
            kind: str,
            given: Mapping[str, Any],
            annotations: Mapping[str, str] | None = None,
            after: Sequence[pulumi.Resource] = (),
        ) -> k8s.apiextensions.CustomResource:
            return k8s.apiextensions.CustomResource(
                f"{name}-{what}",
                api_version=_API_VERSIONS[kind],
                kind=kind,
                metadata={
                    "name": name,
                    "namespace": backend.namespace,
                    "labels": {
                        "app.kubernetes.io/name": "tensorflow-serving",
                        "app.kubernetes.io/instance": name,
                    },
                    "annotations": annotations,
                },
                spec=given,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[*after]),
            )

        address = _address(f"{name}-address", args, child)
        of_backend: dict[str, Any] = {
            "timeoutSec": _answer_seconds(backend),
            "connectionDraining": {"drainingTimeoutSec": backend.deregistration_seconds},
        }
        if spec.cidrs:
            clients = gcp.compute.SecurityPolicy(
                f"{name}-clients", type="CLOUD_ARMOR", rules=[*_rules(spec.cidrs)], opts=child
            )
            of_backend["securityPolicy"] = clients.name
        service = {"group": "", "kind": "Service", "name": backend.service}
        parts = [
            made(
                "health",
                "HealthCheckPolicy",
                {"default": _health_check(backend), "targetRef": service},
            ),
            made("backend", "GCPBackendPolicy", {"default": of_backend, "targetRef": service}),
            made(
                "route",
                "HTTPRoute",
                {
                    "parentRefs": [{"name": name}],
                    "rules": [_rule(model, backend) for model in backend.models],
                },
            ),
        ]
        if spec.certificate is not None:
            tls = _ssl_policy(f"{name}-tls", args, child)
            itself = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": name}
            of_itself = {"default": {"sslPolicy": tls.name}, "targetRef": itself}
            parts.append(made("listener", "GCPGatewayPolicy", of_itself))
        gateway = made(
            "gateway",
            "Gateway",
            {
                "gatewayClassName": _CLASSES[spec.scope],
                "addresses": [{"type": "NamedAddress", "value": address.name}],
                "listeners": [_listener(spec)],
            },
            # What is made of a custom resource is not waited for otherwise.
            annotations={"pulumi.com/waitFor": "condition=Programmed"},
            after=parts,
        )

        protocol, _ = _LISTENERS[spec.certificate is not None]
        # The address is there before the load balancer: whoever reads it gets it once both are.
        host = pulumi.Output.all(address.address, gateway.id).apply(lambda known: str(known[0]))
        self.addresses = Addresses(
            rest_url=pulumi.Output.format("{0}://{1}", protocol.lower(), host)
        )
        self.register_outputs(vars(self.addresses))


def _address(
    name: str, args: GatewayExposureArgs, opts: pulumi.ResourceOptions
) -> "gcp.compute.GlobalAddress | gcp.compute.Address":
    if args.spec.scope == "public":
        return gcp.compute.GlobalAddress(name, opts=opts)
    return gcp.compute.Address(
        name,
        address_type="INTERNAL",
        purpose="SHARED_LOADBALANCER_VIP",
        region=args.region,
        subnetwork=args.subnetwork,
        opts=opts,
    )


def _ssl_policy(
    name: str, args: GatewayExposureArgs, opts: pulumi.ResourceOptions
) -> "gcp.compute.SSLPolicy | gcp.compute.RegionSslPolicy":
    """Return TLS 1.2 with forward secrecy, and 1.3: Google's default is of TLS 1.0.

    https://docs.cloud.google.com/load-balancing/docs/ssl-policies-concepts
    """
    profile, oldest = "RESTRICTED", "TLS_1_2"
    if args.spec.scope == "public":
        return gcp.compute.SSLPolicy(name, profile=profile, min_tls_version=oldest, opts=opts)
    return gcp.compute.RegionSslPolicy(
        name, profile=profile, min_tls_version=oldest, region=args.region, opts=opts
    )


def _rules(cidrs: Sequence[str]) -> "Iterator[gcp.compute.SecurityPolicyRuleArgsDict]":
    def of(ranges: Sequence[str]) -> gcp.compute.SecurityPolicyRuleMatchArgsDict:
        return {"versioned_expr": "SRC_IPS_V1", "config": {"src_ip_ranges": [*ranges]}}

    for first in range(0, len(cidrs), _RANGES_OF_A_RULE):
        ranges = cidrs[first : first + _RANGES_OF_A_RULE]
        yield {"action": "allow", "priority": 1000 + first, "match": of(ranges)}
    yield {"action": "deny(403)", "priority": _LAST_PRIORITY, "match": of(["*"])}


def _listener(spec: ExposureSpec) -> Mapping[str, Any]:
    protocol, port = _LISTENERS[spec.certificate is not None]
    listener = {
        "name": protocol.lower(),
        "protocol": protocol,
        "port": port,
        "allowedRoutes": {"namespaces": {"from": "Same"}, "kinds": [{"kind": "HTTPRoute"}]},
    }
    if spec.certificate is None:
        return listener
    # https://docs.cloud.google.com/kubernetes-engine/docs/how-to/secure-gateway
    options = {"networking.gke.io/pre-shared-certs": spec.certificate}
    return {**listener, "tls": {"mode": "Terminate", "options": options}}


def _rule(model: str, backend: Backend) -> Mapping[str, Any]:
    path = f"/v1/models/{model}"
    return {
        "matches": [
            *({"path": {"type": "Exact", "value": f"{path}{call}"}} for call in _CALLS),
            *({"path": {"type": "PathPrefix", "value": f"{path}{which}"}} for which in _VERSIONS),
        ],
        "backendRefs": [{"name": backend.service, "port": backend.rest_port}],
    }


def _health_check(backend: Backend) -> Mapping[str, Any]:
    return {
        "checkIntervalSec": 10,
        "timeoutSec": 5,
        "healthyThreshold": 2,
        # A server that is busy with predictions may be late with an answer.
        "unhealthyThreshold": 3,
        "config": {
            "type": "HTTP",
            "httpHealthCheck": {
                "portSpecification": "USE_FIXED_PORT",
                "port": backend.rest_port,
                "requestPath": backend.health_path,
            },
        },
    }


def _answer_seconds(backend: Backend) -> int:
    # An answer that takes longer than Google's default must not be cut off.
    return max(_ANSWER_SECONDS, backend.deregistration_seconds + 1)
