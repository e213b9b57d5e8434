"""Who reaches a model, and what it reaches, in a namespace that is closed otherwise."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicyEgressRuleArgsDict,
    NetworkPolicyIngressRuleArgsDict,
    NetworkPolicyPeerArgsDict,
    NetworkPolicyPortArgsDict,
    NetworkPolicySpecArgsDict,
)

from components.kubernetes.pod import GRPC_PORT, REST_PORT

_NAMESPACE = "kubernetes.io/metadata.name"
_GRPC: NetworkPolicyPortArgsDict = {"protocol": "TCP", "port": GRPC_PORT}
_REST: NetworkPolicyPortArgsDict = {"protocol": "TCP", "port": REST_PORT}


@dataclass(frozen=True, kw_only=True)
class ModelNetworkPolicyArgs:
    """The pods of a model, the namespaces and networks that they talk with, and on which ports."""

    namespace: pulumi.Input[str]
    labels: Mapping[str, str]
    clients: Sequence[str] = ()
    monitors: Sequence[str] = ()
    load_balancers: Sequence[str] = ()
    load_balanced_grpc: bool = False
    egress: Sequence[tuple[str, int]] = ()


class ModelNetworkPolicy(pulumi.ComponentResource):
    """A model that only those reach who are named, and that reaches names and files only."""

    def __init__(
        self, name: str, args: ModelNetworkPolicyArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:ModelNetworkPolicy", name, {}, opts)
        spec: NetworkPolicySpecArgsDict = {
            "pod_selector": {"match_labels": args.labels},
            "policy_types": ["Ingress", "Egress"],
            "egress": [*_egress(args.egress)],
        }
        if ingress := [*_ingress(args)]:  # Kubernetes leaves an empty list out
            spec["ingress"] = ingress
        k8s.networking.v1.NetworkPolicy(
            f"{name}-network",
            metadata={"name": name, "namespace": args.namespace},
            spec=spec,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


def _ingress(args: ModelNetworkPolicyArgs) -> Iterator[NetworkPolicyIngressRuleArgsDict]:
    # Who reaches the gRPC port does more than predict: ModelService.HandleReloadConfigRequest,
    # which nothing authenticates, has the server unload its models and load others.
    # https://github.com/tensorflow/serving/blob/2.20.0/tensorflow_serving/apis/model_service.proto
    if args.clients:
        yield {"from_": [_namespaces(args.clients)], "ports": [_REST, _GRPC]}
    if args.monitors:
        yield {"from_": [_namespaces(args.monitors)], "ports": [_REST]}
    if args.load_balancers:
        yield {
            "from_": [{"ip_block": {"cidr": cidr}} for cidr in args.load_balancers],
            "ports": [_REST, *([_GRPC] if args.load_balanced_grpc else [])],
        }


def _namespaces(names: Sequence[str]) -> NetworkPolicyPeerArgsDict:
    return {
        "namespace_selector": {
            "match_expressions": [{"key": _NAMESPACE, "operator": "In", "values": [*names]}]
        }
    }


def _egress(egress: Sequence[tuple[str, int]]) -> Iterator[NetworkPolicyEgressRuleArgsDict]:
    yield {
        "to": [
            {
                "namespace_selector": {"match_labels": {_NAMESPACE: "kube-system"}},
                "pod_selector": {"match_labels": {"k8s-app": "kube-dns"}},
            }
        ],
        "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")],
    }
    # The stores of models have more addresses than a policy could list.
    yield {"ports": [{"protocol": "TCP", "port": 443}]}
    for cidr, port in egress:
        yield {
            "to": [{"ip_block": {"cidr": cidr}}],
            "ports": [{"protocol": "TCP", "port": port}],
        }
