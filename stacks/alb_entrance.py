"""The way into an EKS cluster: an Application Load Balancer for each model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.aws.alb_ingress import AlbIngress, AlbIngressArgs
from components.aws.controllers.load_balancer_controller import LoadBalancerController
from components.kubernetes.exposure import Addresses, Backend, ExposureSpec
from stacks.outputs import LoadBalancers

# A pod is ready when its target is, so a rollout goes no faster than the load balancer.
# https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/pod_readiness_gate/
_READINESS_GATES = {"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"}


@dataclass(frozen=True, kw_only=True)
class AlbEntrance:
    """Load balancers that go before the controller that would take them away."""

    place: LoadBalancers
    controller: LoadBalancerController | None = None
    """Nothing when the controller is another stack's, which has to outlive this one."""

    def sources(self, spec: ExposureSpec) -> Sequence[str]:  # noqa: ARG002 - of the protocol
        """Return the VPC's addresses; settings ask for them where a model is exposed."""
        return self.place.cidrs

    @property
    def namespace_labels(self) -> Mapping[str, str]:
        """The word that has the controller add its readiness gate to pods."""
        return _READINESS_GATES

    def expose(
        self, name: str, spec: ExposureSpec, backend: Backend, opts: pulumi.ResourceOptions
    ) -> Addresses:
        """Put a load balancer in front of a Service."""
        controllers = [self.controller] if self.controller else []
        ingress = AlbIngress(
            name,
            AlbIngressArgs(
                spec=spec,
                backend=backend,
                network_cidrs=self.place.cidrs,
                subnet_ids=self.place.subnets.get(spec.scope, ()),
            ),
            pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=controllers)),
        )
        return ingress.addresses
