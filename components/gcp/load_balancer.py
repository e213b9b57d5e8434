"""A network load balancer in front of a model, made by GKE for a Service."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.core.v1 import ServicePortArgsDict, ServiceSpecArgsDict
from pulumi_kubernetes.core.v1.outputs import ServiceStatus

from components.kubernetes.exposure import Addresses, Backend, ExposureSpec

# Either is for new Services only: GKE moves none from one load balancer to another.
# https://docs.cloud.google.com/kubernetes-engine/docs/concepts/service-load-balancer-parameters
_ANNOTATIONS: Mapping[str, Mapping[str, str]] = {
    "internal": {"networking.gke.io/load-balancer-type": "Internal"},
    "public": {"cloud.google.com/l4-rbs": "enabled"},
}


@dataclass(frozen=True, kw_only=True)
class ServiceLoadBalancerArgs:
    """Who may reach whose pods; the Service that they have already stays as it is."""

    spec: ExposureSpec
    backend: Backend


class ServiceLoadBalancer(pulumi.ComponentResource):
    """Passes connections of those who are named on to pods, whole and with their own addresses.

    It tells no path from another: who reaches it reaches the status of models too, and with gRPC
    also what loads other models. It ends no TLS.
    """

    addresses: Addresses

    def __init__(
        self, name: str, args: ServiceLoadBalancerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:ServiceLoadBalancer", name, {}, opts)
        spec, backend = args.spec, args.backend
        service_spec: ServiceSpecArgsDict = {
            "type": "LoadBalancer",
            "selector": backend.selector,
            "ports": [*_ports(spec, backend)],
            # Nodes without such a pod get nothing, and the pod sees who asks.
            "external_traffic_policy": "Local",
        }
        if spec.cidrs:  # Kubernetes leaves an empty list out
            service_spec["load_balancer_source_ranges"] = [*spec.cidrs]
        service = k8s.core.v1.Service(
            f"{name}-external",
            metadata={
                "name": f"{name}-external",
                "namespace": backend.namespace,
                "labels": {
                    "app.kubernetes.io/name": "tensorflow-serving",
                    "app.kubernetes.io/instance": name,
                },
                "annotations": _ANNOTATIONS[spec.scope],
            },
            spec=service_spec,
            opts=pulumi.ResourceOptions(parent=self),
        )
        host = service.status.apply(_address)
        self.addresses = Addresses(
            rest_url=pulumi.Output.format("http://{0}:{1}", host, backend.rest_port),
            grpc_address=pulumi.Output.format("{0}:{1}", host, backend.grpc_port)
            if spec.grpc
            else None,
        )
        self.register_outputs(vars(self.addresses))


def _ports(spec: ExposureSpec, backend: Backend) -> list[ServicePortArgsDict]:
    ports: list[ServicePortArgsDict] = [
        {"name": "tf-serving-http", "port": backend.rest_port, "target_port": backend.rest_port}
    ]
    if spec.grpc:
        ports.append(
            {"name": "tf-serving-grpc", "port": backend.grpc_port, "target_port": backend.grpc_port}
        )
    return ports


def _address(status: ServiceStatus | None) -> str:
    """Return where it is reached; nothing in a preview, when there is no load balancer yet."""
    balancer = status.load_balancer if status else None
    found = balancer.ingress if balancer else None
    return (found[0].ip or "") if found else ""
