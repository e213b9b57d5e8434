"""NodeTerminationHandler: which notices reach it, and whose nodes it drains."""

import json
from typing import Any

import pulumi
import pytest

from components.aws.controllers.node_termination_handler import (
    NodeTerminationHandler,
    NodeTerminationHandlerArgs,
    NodeTerminationHandlerSpec,
    node_termination_handler_policy,
    queue_policy,
)
from components.spec import SpecError
from tests.unit.components.aws.controllers.controllers import (
    ASSOCIATION,
    PLACE,
    POLICY,
    RELEASE,
    allowed,
    provider,
    statements,
    values_of,
)

QUEUE = "aws:sqs/queue:Queue"
QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
NOTICES = "dev-notices"
ARN = "arn:aws:sqs:us-west-2:123456789012:dev-notices"
KINDS = {"termination", "spot-interruption", "rebalance", "state-change", "scheduled-change"}


def a_handler(**spec: Any) -> NodeTerminationHandler:
    return NodeTerminationHandler(
        "dev",
        NodeTerminationHandlerArgs(spec=NodeTerminationHandlerSpec(**spec), place=PLACE),
        pulumi.ResourceOptions(provider=provider()),
    )


def test_a_pinned_chart_and_image_are_installed(cloud):
    cloud.run(a_handler)

    release = cloud.one(RELEASE)
    assert release["chart"].endswith("/helm/aws-node-termination-handler")
    assert release["version"] == "0.27.6"
    assert "repositoryOpts" not in release
    assert release["atomic"] is True
    assert values_of(cloud)["image"] == {"tag": "v1.25.6"}


def test_the_queue_is_encrypted_and_keeps_no_stale_notice(cloud):
    cloud.run(a_handler)

    assert cloud.one(QUEUE) == {
        "messageRetentionSeconds": 300,
        "sqsManagedSseEnabled": True,
        "tags": {"team": "ml"},
    }


def test_every_kind_of_notice_is_led_to_the_queue(cloud):
    cloud.run(a_handler)

    patterns = [json.loads(each["eventPattern"]) for each in cloud.all(RULE).values()]
    told = {pattern.pop("detail-type")[0]: pattern for pattern in patterns}
    assert told == {
        "EC2 Instance-terminate Lifecycle Action": {"source": ["aws.autoscaling"]},
        "EC2 Spot Instance Interruption Warning": {"source": ["aws.ec2"]},
        "EC2 Instance Rebalance Recommendation": {"source": ["aws.ec2"]},
        "EC2 Instance State-change Notification": {"source": ["aws.ec2"]},
        "AWS Health Event": {
            "source": ["aws.health"],
            "detail": {"service": ["EC2"], "eventTypeCategory": ["scheduledChange"]},
        },
    }
    assert cloud.all(RULE).keys() == {f"{NOTICES}-{kind}" for kind in KINDS}
    assert {each["rule"] for each in cloud.all(TARGET).values()} == cloud.all(RULE).keys()
    assert {each["arn"] for each in cloud.all(TARGET).values()} == {ARN}


def test_rebalance_recommendations_can_be_left_out(cloud):
    cloud.run(lambda: a_handler(rebalance=False))

    assert cloud.all(RULE).keys() == {f"{NOTICES}-{kind}" for kind in KINDS - {"rebalance"}}


def test_only_the_rules_send_to_the_queue(cloud):
    cloud.run(a_handler)

    send, refuse = statements(cloud.one(QUEUE_POLICY)["policy"])
    assert send["Action"] == "sqs:SendMessage"
    assert send["Principal"] == {"Service": "events.amazonaws.com"}
    assert sorted(send["Condition"]["ArnEquals"]["aws:SourceArn"]) == sorted(
        f"arn:aws:events:us-west-2:123456789012:rule/{name}" for name in cloud.all(RULE)
    )
    assert (refuse["Effect"], refuse["Condition"]) == (
        "Deny",
        {"Bool": {"aws:SecureTransport": "false"}},
    )


def test_the_handler_reads_that_queue(cloud):
    handler = cloud.run(a_handler)

    values = values_of(cloud)
    assert values["enableSqsTerminationDraining"] is True
    assert values["queueURL"] == f"https://sqs.invalid/{NOTICES}"
    assert values["awsRegion"] == "us-west-2"
    assert cloud.value(handler.queue_url) == f"https://sqs.invalid/{NOTICES}"
    assert cloud.promised(handler) == {"queue_url": f"https://sqs.invalid/{NOTICES}"}


def test_nodes_of_other_clusters_are_left_alone(cloud):
    cloud.run(a_handler)

    values = values_of(cloud)
    assert values["checkTagBeforeDraining"] is True
    assert values["managedTag"] == "aws-node-termination-handler/managed"
    assert values["deleteSqsMsgIfNodeNotFound"] is True


def test_nothing_is_missed_when_it_starts(cloud):
    cloud.run(a_handler)

    assert cloud.waits_for(RELEASE) >= {
        "dev-termination-association",
        f"{NOTICES}-policy",
        *(f"{NOTICES}-{kind}" for kind in KINDS),
    }
    assert cloud.parent_of(RELEASE) == "tfserving:index:NodeTerminationHandler::dev"
    assert cloud.parent_of(QUEUE) == "tfserving:index:NodeTerminationHandler::dev"


def test_in_queue_mode_it_runs_on_nodes_that_stay(cloud):
    cloud.run(lambda: a_handler(replicas=2))

    values = values_of(cloud)
    assert values["nodeSelector"] == {"eks.amazonaws.com/capacityType": "ON_DEMAND"}
    assert values["priorityClassName"] == "system-cluster-critical"
    assert values["replicas"] == 2
    assert values["podDisruptionBudget"] == {"maxUnavailable": 1}


def test_in_metadata_mode_it_runs_on_every_node_and_needs_nothing_of_aws(cloud):
    handler = cloud.run(lambda: a_handler(mode="metadata"))

    values = values_of(cloud)
    assert values["enableSqsTerminationDraining"] is False
    assert values["daemonsetNodeSelector"] == {}
    assert values["useHostNetwork"] is True
    assert "nodeSelector" not in values
    assert handler.queue_url is None
    assert cloud.types() == {
        "pulumi:providers:kubernetes",
        "tfserving:index:NodeTerminationHandler",
        RELEASE,
    }


def test_in_metadata_mode_it_drains_for_all_that_a_node_is_told(cloud):
    cloud.run(lambda: a_handler(mode="metadata", nodes={"lifecycle": "Ec2Spot"}))

    values = values_of(cloud)
    assert values["enableSpotInterruptionDraining"] is True
    assert values["enableScheduledEventDraining"] is True
    assert values["enableRebalanceDraining"] is True
    assert values["daemonsetNodeSelector"] == {"lifecycle": "Ec2Spot"}


@pytest.mark.parametrize("mode", ["queue", "metadata"])
def test_pods_end_as_they_say_within_the_notice(cloud, mode):
    cloud.run(lambda: a_handler(mode=mode))

    values = values_of(cloud)
    assert values["podTerminationGracePeriod"] == -1
    assert values["nodeTerminationGracePeriod"] == 120


def test_its_pods_read_their_queue_and_let_groups_of_their_cluster_go_on(cloud):
    cloud.run(a_handler)

    document = cloud.one(POLICY)["policy"]
    (read,) = allowed(document, "sqs:ReceiveMessage")
    (complete,) = allowed(document, "autoscaling:CompleteLifecycleAction")
    assert document == node_termination_handler_policy(ARN, "Dev")
    assert read["Resource"] == ARN
    assert complete["Condition"] == {
        "StringEquals": {"aws:ResourceTag/kubernetes.io/cluster/Dev": "owned"}
    }
    assert cloud.one(ASSOCIATION)["serviceAccount"] == values_of(cloud)["serviceAccount"]["name"]


def test_a_queue_has_no_other_senders():
    (send, _) = statements(queue_policy("arn:queue", ["arn:rule"]))

    assert send["Condition"] == {"ArnEquals": {"aws:SourceArn": ["arn:rule"]}}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"replicas": 0}, "replicas: must be at least 1.*got 0"),
        ({"nodes": {"a": "b"}}, "nodes: must be empty in queue mode.*got {'a': 'b'}"),
    ],
)
def test_what_cannot_be_is_refused_by_key_and_value(spec, message):
    with pytest.raises(SpecError, match=message):
        NodeTerminationHandlerSpec(**spec)
