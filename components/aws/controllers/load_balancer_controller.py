"""The AWS Load Balancer Controller: it makes load balancers of Ingresses and Services."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.aws.controllers.controller import (
    ControllerPlace,
    ControllerSpec,
    identity,
    placement,
    release,
    resources,
)
from components.aws.controllers.versions import (
    LOAD_BALANCER_CONTROLLER,
    LOAD_BALANCER_CONTROLLER_IMAGE,
)
from components.aws.policy_document import allow, policy_document
from components.spec import Fault, rule

_NAME = "aws-load-balancer-controller"
_ELB = "elasticloadbalancing"
_CLUSTER_TAG = "elbv2.k8s.aws/cluster"


@dataclass(frozen=True, kw_only=True)
class LoadBalancerControllerSpec(ControllerSpec):
    """How many there are: one works, the others take over."""

    replicas: int = 2

    @rule
    def _there_is_one(self) -> Iterator[Fault]:
        if self.replicas < 1:
            yield Fault(("replicas",), "must be at least 1; enabled: false has none", self.replicas)


@dataclass(frozen=True, kw_only=True)
class LoadBalancerControllerArgs:
    """What it is, for which cluster, and the VPC that its load balancers are in."""

    spec: LoadBalancerControllerSpec
    place: ControllerPlace
    vpc_id: pulumi.Input[str]


class LoadBalancerController(pulumi.ComponentResource):
    """A controller that changes the load balancers of this cluster and of no other.

    An Ingress must depend on it: it takes away the load balancer of an Ingress that is deleted.
    """

    def __init__(
        self,
        name: str,
        args: LoadBalancerControllerArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("tfserving:index:LoadBalancerController", name, {}, opts)
        place = args.place
        role = identity(
            f"{name}-load-balancers",
            place,
            _NAME,
            pulumi.Output.from_input(place.cluster_name).apply(load_balancer_controller_policy),
            pulumi.ResourceOptions(parent=self),
        )
        release(
            _NAME,
            LOAD_BALANCER_CONTROLLER,
            _values(args),
            args.place,
            pulumi.ResourceOptions(parent=self, depends_on=[role]),
        )
        self.register_outputs({})


def load_balancer_controller_policy(cluster_name: str) -> str:
    """Return what the controller may do: read everything, change what carries its cluster's tag.

    It follows what the project publishes for its releases from 2.13 on, with the tag's value added:
    the published conditions ask for a tag of any cluster. Where those name no resource, the kind is
    named. Before another version of the chart is taken, compare it with that version's
    docs/install/iam_policy.json.
    """
    ours = {"StringEquals": {f"aws:ResourceTag/{_CLUSTER_TAG}": cluster_name}}
    made_ours = {f"aws:RequestTag/{_CLUSTER_TAG}": cluster_name}
    # The cluster's tag itself is neither given to what exists nor taken from it.
    ours_still = {**ours, "Null": {f"aws:RequestTag/{_CLUSTER_TAG}": "true"}}
    creates = {**made_ours, f"{_ELB}:CreateAction": ["CreateTargetGroup", "CreateLoadBalancer"]}
    return policy_document(
        allow(
            "iam:CreateServiceLinkedRole",
            f"arn:aws:iam::*:role/aws-service-role/{_ELB}.amazonaws.com/*",
            {"StringEquals": {"iam:AWSServiceName": f"{_ELB}.amazonaws.com"}},
        ),
        allow([*_READ_NETWORK, *_READ_BALANCERS, *_READ_CERTIFICATES]),
        allow(_PROTECTION),
        # Whatever its tags: the nodes' group, which EKS made, is to let the load balancers in.
        allow(
            ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"],
            _SECURITY_GROUPS,
        ),
        allow("ec2:CreateSecurityGroup", [_SECURITY_GROUPS, "arn:aws:ec2:*:*:vpc/*"]),
        allow(
            "ec2:CreateTags",
            _SECURITY_GROUPS,
            {"StringEquals": {**made_ours, "ec2:CreateAction": "CreateSecurityGroup"}},
        ),
        allow(["ec2:CreateTags", "ec2:DeleteTags"], _SECURITY_GROUPS, ours_still),
        allow("ec2:DeleteSecurityGroup", _SECURITY_GROUPS, ours),
        allow(
            _elb("CreateLoadBalancer", "CreateTargetGroup"),
            [*_BALANCERS, _TARGET_GROUPS],
            {"StringEquals": made_ours},
        ),
        allow(_elb("AddTags"), [*_BALANCERS, _TARGET_GROUPS], {"StringEquals": creates}),
        allow(_elb("AddTags", "RemoveTags"), [*_BALANCERS, _TARGET_GROUPS], ours_still),
        allow(_elb("AddTags", "RemoveTags"), [*_LISTENERS, *_RULES]),
        allow(_elb(*_CHANGES_OF_BALANCERS), [*_BALANCERS, _TARGET_GROUPS, *_LISTENERS], ours),
        allow(_elb("RegisterTargets", "DeregisterTargets"), _TARGET_GROUPS),
        allow(_elb(*_CHANGES_OF_LISTENERS), [*_BALANCERS, *_LISTENERS, *_RULES]),
    )


def _elb(*actions: str) -> list[str]:
    return [f"{_ELB}:{action}" for action in actions]


def _arns(kind: str, path: str) -> list[str]:
    return [f"arn:aws:{_ELB}:*:*:{kind}/{each}/{path}" for each in ("net", "app")]


_SECURITY_GROUPS = "arn:aws:ec2:*:*:security-group/*"
_TARGET_GROUPS = f"arn:aws:{_ELB}:*:*:targetgroup/*/*"
_BALANCERS = _arns("loadbalancer", "*/*")
_LISTENERS = _arns("listener", "*/*/*")
_RULES = _arns("listener-rule", "*/*/*/*")
_READ_NETWORK = [
    f"ec2:{action}"
    for action in (
        "DescribeAccountAttributes",
        "DescribeAddresses",
        "DescribeAvailabilityZones",
        "DescribeCoipPools",
        "DescribeInstances",
        "DescribeInternetGateways",
        "DescribeIpamPools",
        "DescribeNetworkInterfaces",
        "DescribeRouteTables",
        "DescribeSecurityGroups",
        "DescribeSubnets",
        "DescribeTags",
        "DescribeVpcPeeringConnections",
        "DescribeVpcs",
        "GetCoipPoolUsage",
        "GetSecurityGroupsForVpc",
    )
]
_READ_BALANCERS = _elb(
    "DescribeCapacityReservation",
    "DescribeListenerAttributes",
    "DescribeListenerCertificates",
    "DescribeListeners",
    "DescribeLoadBalancerAttributes",
    "DescribeLoadBalancers",
    "DescribeRules",
    "DescribeSSLPolicies",
    "DescribeTags",
    "DescribeTargetGroupAttributes",
    "DescribeTargetGroups",
    "DescribeTargetHealth",
    "DescribeTrustStores",
)
_READ_CERTIFICATES = [
    "acm:DescribeCertificate",
    "acm:ListCertificates",
    "cognito-idp:DescribeUserPoolClient",
    "iam:GetServerCertificate",
    "iam:ListServerCertificates",
]
_PROTECTION = [
    f"{_ELB}:SetWebAcl",
    "shield:CreateProtection",
    "shield:DeleteProtection",
    "shield:DescribeProtection",
    "shield:GetSubscriptionState",
    "waf-regional:AssociateWebACL",
    "waf-regional:DisassociateWebACL",
    "waf-regional:GetWebACL",
    "waf-regional:GetWebACLForResource",
    "wafv2:AssociateWebACL",
    "wafv2:DisassociateWebACL",
    "wafv2:GetWebACL",
    "wafv2:GetWebACLForResource",
]
_CHANGES_OF_BALANCERS = (
    "DeleteLoadBalancer",
    "DeleteTargetGroup",
    "ModifyCapacityReservation",
    "ModifyIpPools",
    "ModifyListenerAttributes",
    "ModifyLoadBalancerAttributes",
    "ModifyTargetGroup",
    "ModifyTargetGroupAttributes",
    "SetIpAddressType",
    "SetSecurityGroups",
    "SetSubnets",
)
_CHANGES_OF_LISTENERS = (
    "AddListenerCertificates",
    "CreateListener",
    "CreateRule",
    "DeleteListener",
    "DeleteRule",
    "ModifyListener",
    "ModifyRule",
    "RemoveListenerCertificates",
    "SetRulePriorities",
)


def _values(args: LoadBalancerControllerArgs) -> Mapping[str, Any]:
    # Chart 3.5.0: the names of all values.
    spec = args.spec
    return {
        **placement(spec),
        "fullnameOverride": _NAME,
        "image": {"tag": LOAD_BALANCER_CONTROLLER_IMAGE},
        "clusterName": args.place.cluster_name,
        # The pods are too far from the metadata service to find these out.
        "region": args.place.region,
        "vpcId": args.vpc_id,
        "replicaCount": spec.replicas,
        "resources": resources("100m", "200Mi"),
        "podDisruptionBudget": {"maxUnavailable": 1},
        "serviceAccount": {"create": True, "name": _NAME},
        "ingressClass": "alb",
        "createIngressClassResource": True,
        # Every Service of the cluster would wait for this webhook, and most have no use for it.
        "enableServiceMutatorWebhook": False,
        # A new certificate with each upgrade would be a change in each preview.
        "keepTLSSecret": True,
    }
