"""A namespace for models: what may run in it, how much of it, and that nobody is let in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.core.v1 import ResourceQuotaSpecArgsDict
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from components.kubernetes.quantities import parse_quantity
from components.kubernetes.resources import Quantity, faulty_quantities, is_positive
from components.names import DNS_LABEL_RULE, is_dns_label
from components.spec import Fault, Spec, rule

# The rules that the pods of this project are tested with. A newer cluster knows them too, and an
# older one takes its own, so that no upgrade of a cluster by itself turns pods away.
# https://kubernetes.io/docs/concepts/security/pod-security-admission/
_POD_SECURITY_VERSION = "v1.35"
_POD_SECURITY_MODES = ("enforce", "audit", "warn")


@dataclass(frozen=True, kw_only=True)
class QuotaSpec(Spec):
    """What all pods of a namespace may request together, and how many there may be."""

    cpu: Quantity
    memory: Quantity
    pods: int

    @rule
    def _quantities_are_positive(self) -> Iterator[Fault]:
        yield from faulty_quantities({"cpu": self.cpu, "memory": self.memory})

    @rule
    def _there_may_be_pods(self) -> Iterator[Fault]:
        if self.pods < 1:
            yield Fault(("pods",), "must be at least 1", self.pods)


@dataclass(frozen=True, kw_only=True)
class LimitRangeSpec(Spec):
    """What a container has that says nothing itself; the pods of models say it all.

    There is no CPU limit among it: models may do without one, and would get it.
    """

    cpu: Quantity
    memory: Quantity
    memory_limit: Quantity

    @rule
    def _quantities_are_positive(self) -> Iterator[Fault]:
        quantities = {"cpu": self.cpu, "memory": self.memory, "memory_limit": self.memory_limit}
        yield from faulty_quantities(quantities)

    @rule
    def _limit_is_above_the_request(self) -> Iterator[Fault]:
        if not (is_positive(self.memory) and is_positive(self.memory_limit)):
            return
        if parse_quantity(self.memory_limit) < parse_quantity(self.memory):
            limit = f"must not be below the request, {self.memory}"
            yield Fault(("memory_limit",), limit, self.memory_limit)


@dataclass(frozen=True, kw_only=True)
class ServingNamespaceSpec(Spec):
    """Who may call the models of a namespace, who may read their metrics, and what they may use."""

    clients: tuple[str, ...] = ()
    monitors: tuple[str, ...] = ()
    quota: QuotaSpec | None = None
    limit_range: LimitRangeSpec | None = None

    @rule
    def _namespaces_are_dns_labels(self) -> Iterator[Fault]:
        for key, names in (("clients", self.clients), ("monitors", self.monitors)):
            for number, name in enumerate(names):
                if not is_dns_label(name):
                    yield Fault((key, number), DNS_LABEL_RULE, name)


@dataclass(frozen=True, kw_only=True)
class ServingNamespaceArgs:
    """What the namespace is, its labels, and the class of pods that its quota does not count."""

    spec: ServingNamespaceSpec = field(default_factory=ServingNamespaceSpec)
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    uncounted: pulumi.Input[str] | None = None


class ServingNamespace(pulumi.ComponentResource):
    """A namespace whose pods have no rights on their node, and no traffic that no policy allows."""

    namespace: pulumi.Output[str]

    def __init__(
        self, name: str, args: ServingNamespaceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:ServingNamespace", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)

        namespace = k8s.core.v1.Namespace(
            f"{name}-namespace",
            metadata={"name": name, "labels": {**args.labels, **_pod_security()}},
            opts=pulumi.ResourceOptions(
                parent=self,
                # Stacks of before there was this component have it as their own.
                aliases=[pulumi.Alias(name=name, parent=pulumi.ROOT_STACK_RESOURCE)],
            ),
        )
        metadata: ObjectMetaArgsDict = {"name": name, "namespace": namespace.metadata.name}
        k8s.networking.v1.NetworkPolicy(
            f"{name}-closed",
            # A policy of a model has the model's name, in which there is no dot.
            metadata={**metadata, "name": "default.deny"},
            spec={"pod_selector": {}, "policy_types": ["Ingress", "Egress"]},
            opts=child,
        )
        if args.spec.quota:
            k8s.core.v1.ResourceQuota(
                f"{name}-quota",
                metadata=metadata,
                spec=_quota(args.spec.quota, args.uncounted),
                opts=child,
            )
        if limits := args.spec.limit_range:
            k8s.core.v1.LimitRange(
                f"{name}-limits",
                metadata=metadata,
                spec={
                    "limits": [
                        {
                            "type": "Container",
                            "default_request": {"cpu": limits.cpu, "memory": limits.memory},
                            "default": {"memory": limits.memory_limit},
                        }
                    ]
                },
                opts=child,
            )

        self.namespace = namespace.metadata.name
        self.register_outputs({"namespace": self.namespace})


def _pod_security() -> dict[str, str]:
    labels: dict[str, str] = {}
    for mode in _POD_SECURITY_MODES:
        labels[f"pod-security.kubernetes.io/{mode}"] = "restricted"
        labels[f"pod-security.kubernetes.io/{mode}-version"] = _POD_SECURITY_VERSION
    return labels


def _quota(spec: QuotaSpec, uncounted: pulumi.Input[str] | None) -> ResourceQuotaSpecArgsDict:
    quota: ResourceQuotaSpecArgsDict = {
        "hard": {
            "requests.cpu": spec.cpu,
            "requests.memory": spec.memory,
            "pods": str(spec.pods),
        }
    }
    if uncounted is not None:
        # What gives way to models must not take their place here either.
        quota["scope_selector"] = {
            "match_expressions": [
                {"scope_name": "PriorityClass", "operator": "NotIn", "values": [uncounted]}
            ]
        }
    return quota
