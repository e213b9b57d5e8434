"""The Node Termination Handler: it drains nodes that AWS is about to take away."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pulumi
import pulumi_aws as aws

from components.aws.controllers.controller import (
    ControllerPlace,
    ControllerSpec,
    identity,
    placement,
    release,
    resources,
)
from components.aws.controllers.versions import (
    NODE_TERMINATION_HANDLER,
    NODE_TERMINATION_HANDLER_IMAGE,
)
from components.aws.policy_document import allow, policy_document
from components.names import LONGEST_NAME, shortened
from components.spec import Fault, rule

Mode = Literal["queue", "metadata"]

# The tag of the instances that the handler drains; the groups of a cluster's Spot pools give it.
MANAGED_TAG = "aws-node-termination-handler/managed"

_NAME = "aws-node-termination-handler"
# Of Spot Instances; what a notice is later than is not worth draining for.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
_NOTICE_SECONDS = 120
_RETENTION_SECONDS = 300
# https://github.com/aws/aws-node-termination-handler/blob/v1.25.6/README.md#4-create-amazon-eventbridge-rules
_EVENTS: Mapping[str, Mapping[str, Any]] = {
    "termination": {
        "source": ["aws.autoscaling"],
        "detail-type": ["EC2 Instance-terminate Lifecycle Action"],
    },
    "spot-interruption": {
        "source": ["aws.ec2"],
        "detail-type": ["EC2 Spot Instance Interruption Warning"],
    },
    "rebalance": {
        "source": ["aws.ec2"],
        "detail-type": ["EC2 Instance Rebalance Recommendation"],
    },
    "state-change": {
        "source": ["aws.ec2"],
        "detail-type": ["EC2 Instance State-change Notification"],
    },
    "scheduled-change": {
        "source": ["aws.health"],
        "detail-type": ["AWS Health Event"],
        "detail": {"service": ["EC2"], "eventTypeCategory": ["scheduledChange"]},
    },
}


@dataclass(frozen=True, kw_only=True)
class NodeTerminationHandlerSpec(ControllerSpec):
    """Whence the handler has its notices: from a queue, or on each node from its metadata.

    Only in queue mode does it see that a group ends an instance. In metadata mode there is a pod on
    every node that `nodes` selects; in queue mode there is a Deployment.
    """

    mode: Mode = "queue"
    replicas: int = 1
    rebalance: bool = True
    nodes: Mapping[str, str] = field(default_factory=dict[str, str])

    @rule
    def _there_is_one(self) -> Iterator[Fault]:
        if self.replicas < 1:
            yield Fault(("replicas",), "must be at least 1; enabled: false has none", self.replicas)

    @rule
    def _nodes_are_for_metadata(self) -> Iterator[Fault]:
        if self.nodes and self.mode == "queue":
            yield Fault(("nodes",), "must be empty in queue mode, whose pods are few", self.nodes)


@dataclass(frozen=True, kw_only=True)
class NodeTerminationHandlerArgs:
    """How it hears of what, and for which cluster."""

    spec: NodeTerminationHandlerSpec
    place: ControllerPlace


class NodeTerminationHandler(pulumi.ComponentResource):
    """Nodes are drained as soon as AWS says that they will go, and only this cluster's nodes.

    The groups of nodes need a lifecycle hook, and their instances the tag `MANAGED_TAG`.
    """

    queue_url: pulumi.Output[str] | None

    def __init__(
        self,
        name: str,
        args: NodeTerminationHandlerArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("tfserving:index:NodeTerminationHandler", name, {}, opts)
        if args.spec.mode == "queue":
            queue, needed = self._queue(f"{name}-notices", args)
            self.queue_url = queue.url
            role = identity(
                f"{name}-termination",
                args.place,
                _NAME,
                pulumi.Output.all(queue.arn, args.place.cluster_name).apply(
                    lambda known: node_termination_handler_policy(*known)
                ),
                pulumi.ResourceOptions(parent=self),
            )
            values, needed = _queue_values(args, queue.url), [*needed, role]
        else:
            self.queue_url = None
            values, needed = _metadata_values(args.spec), []
        release(
            _NAME,
            NODE_TERMINATION_HANDLER,
            values,
            args.place,
            pulumi.ResourceOptions(parent=self, depends_on=needed),
        )
        self.register_outputs({"queue_url": self.queue_url})

    def _queue(
        self, name: str, args: NodeTerminationHandlerArgs
    ) -> "tuple[aws.sqs.Queue, Sequence[pulumi.Resource]]":
        """Return the queue and what has to be there before all notices reach it."""
        child = pulumi.ResourceOptions(parent=self)
        tags = args.place.tags
        queue = aws.sqs.Queue(
            name,
            message_retention_seconds=_RETENTION_SECONDS,
            # A key of the account's own would have to let EventBridge in.
            sqs_managed_sse_enabled=True,
            tags=tags,
            opts=child,
        )
        rules = {
            event: aws.cloudwatch.EventRule(
                shortened(f"{name}-{event}", LONGEST_NAME),
                event_pattern=json.dumps(pattern),
                tags=tags,
                opts=child,
            )
            for event, pattern in _EVENTS.items()
            if event != "rebalance" or args.spec.rebalance
        }
        policy = aws.sqs.QueuePolicy(
            f"{name}-policy",
            queue_url=queue.url,
            policy=pulumi.Output.all(queue.arn, *(rule.arn for rule in rules.values())).apply(
                lambda known: queue_policy(known[0], known[1:])
            ),
            opts=child,
        )
        targets = [
            aws.cloudwatch.EventTarget(f"{name}-{event}", rule=rule.name, arn=queue.arn, opts=child)
            for event, rule in rules.items()
        ]
        return queue, [policy, *targets]


def queue_policy(queue_arn: str, rule_arns: Sequence[str]) -> str:
    """Return who may send to the queue: these rules, over TLS."""
    return policy_document(
        {
            "Sid": "RulesSend",
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue_arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule_arns}},
        },
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": queue_arn,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    )


def node_termination_handler_policy(queue_arn: str, cluster_name: str) -> str:
    """Return what the handler may do: read its queue, and let groups of the cluster go on."""
    # https://github.com/aws/aws-node-termination-handler/blob/v1.25.6/README.md#5-create-an-iam-role-for-the-pods
    return policy_document(
        allow(["sqs:DeleteMessage", "sqs:ReceiveMessage"], queue_arn),
        allow(
            [
                "autoscaling:DescribeAutoScalingInstances",
                "autoscaling:DescribeTags",
                "ec2:DescribeInstances",
            ]
        ),
        allow(
            "autoscaling:CompleteLifecycleAction",
            "arn:aws:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/*",
            {"StringEquals": {f"aws:ResourceTag/kubernetes.io/cluster/{cluster_name}": "owned"}},
        ),
    )


def _queue_values(
    args: NodeTerminationHandlerArgs, queue_url: pulumi.Output[str]
) -> Mapping[str, Any]:
    spec = args.spec
    return {
        **_common_values(),
        **placement(spec),
        "enableSqsTerminationDraining": True,
        "queueURL": queue_url,
        "awsRegion": args.place.region,
        "replicas": spec.replicas,
        **({"podDisruptionBudget": {"maxUnavailable": 1}} if spec.replicas > 1 else {}),
        # Rules hear of every instance of the account: those of others are left to others.
        "checkTagBeforeDraining": True,
        "managedTag": MANAGED_TAG,
        "deleteSqsMsgIfNodeNotFound": True,
        "useProviderId": True,
    }


def _metadata_values(spec: NodeTerminationHandlerSpec) -> Mapping[str, Any]:
    # Chart 0.27.6: its DaemonSet tolerates every taint and is of class system-node-critical.
    return {
        **_common_values(),
        "enableSqsTerminationDraining": False,
        "enableSpotInterruptionDraining": True,
        "enableScheduledEventDraining": True,
        # Without it a node that a rebalance replaces would not be drained before it goes.
        "enableRebalanceDraining": spec.rebalance,
        "enableRebalanceMonitoring": False,
        # Metadata is one hop away: for the node, not for its pods.
        "useHostNetwork": True,
        "daemonsetNodeSelector": dict(spec.nodes),
    }


def _common_values() -> Mapping[str, Any]:
    # Chart 0.27.6: the names of all values; they are the same in both modes.
    return {
        "fullnameOverride": _NAME,
        "image": {"tag": NODE_TERMINATION_HANDLER_IMAGE},
        "serviceAccount": {"create": True, "name": _NAME},
        # Pod security policies ended with Kubernetes 1.25.
        "rbac": {"pspEnabled": False},
        "resources": resources("50m", "128Mi"),
        "podTerminationGracePeriod": -1,  # as long as each pod says
        "nodeTerminationGracePeriod": _NOTICE_SECONDS,
        "taintNode": True,
        "emitKubernetesEvents": True,
    }
