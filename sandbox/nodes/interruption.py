"""What befalls Spot instances: notices that they end, and times in which there is no capacity."""

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sandbox import nodes
from sandbox.errors import WRONG_USAGE, SandboxError
from sandbox.kubernetes_api import KubernetesApi
from sandbox.nodes.groups import SHORTAGE, groups
from sandbox.providers.aws.account import ACCOUNT_ID, OWN_TAGS, Account

NOTICE_ENDS = f"{OWN_TAGS}notice-ends"
"""The tag of an instance that was given notice: when it ends, in seconds since the epoch."""

NOTICE_SECONDS = 120
"""AWS's notice."""

_LIFECYCLE = f"{OWN_TAGS}lifecycle"
_ZONE = f"{OWN_TAGS}zone"


def interrupt(account: Account, api: KubernetesApi, node: str, seconds: int) -> bool:
    """Give a Spot node notice; tell whether any rule leads the notice on.

    Raises:
        SandboxError: there is no such node, it is not Spot, or it has its notice already.
    """
    tags = dict(_tags_by_node(account, api))
    spot = sorted(name for name, own in tags.items() if own.get(_LIFECYCLE) == "spot")
    others = f"the Spot nodes are: {', '.join(spot) or 'none'}"
    if node not in tags:
        raise SandboxError(f"stack {account.stack} has no node {node}; {others}", WRONG_USAGE)
    if node not in spot:
        raise SandboxError(
            f"{node} is an on-demand node, which AWS does not interrupt; {others}", WRONG_USAGE
        )
    if NOTICE_ENDS in tags[node]:
        left = max(0.0, float(tags[node][NOTICE_ENDS]) - time.time())
        raise SandboxError(f"{node} has its notice already: it ends in {left:.0f} s", WRONG_USAGE)
    instance = tags[node][nodes.INSTANCE]
    ends = {"Key": NOTICE_ENDS, "Value": str(time.time() + seconds)}
    account.client("ec2").create_tags(Resources=[instance], Tags=[ends])
    return _send(account, instance, tags[node][_ZONE])


def end_interrupted(account: Account) -> None:
    """End the instances whose notice is over; their groups start others where they can."""
    client = account.client("ec2")
    noticed = {"tag-key": NOTICE_ENDS, "instance-state-name": "running"}
    if over := [
        instance["InstanceId"]
        for instance in _instances(account, noticed)
        if float(nodes.tags(instance)[NOTICE_ENDS]) <= time.time()
    ]:
        client.terminate_instances(InstanceIds=over)


def set_shortage(account: Account, api: KubernetesApi, pool: str, *, short: bool) -> None:
    """Make a pool's Spot capacity unavailable, or available again.

    Raises:
        SandboxError: there is no such pool, or nothing of it is Spot.
    """
    found = list(groups(account, api.server))
    spot = [group for group in found if group.has_spot]
    if pool not in {group.pool for group in spot}:
        there = pool in {group.pool for group in found}
        fault = f"pool {pool} has no Spot nodes" if there else f"there is no pool {pool}"
        others = ", ".join(sorted({group.pool for group in spot})) or "none"
        raise SandboxError(
            f"{fault} in stack {account.stack}; the pools with Spot nodes are: {others}",
            WRONG_USAGE,
        )
    client = account.client("autoscaling")
    tags = [
        {
            "ResourceId": group.name,
            "ResourceType": "auto-scaling-group",
            "Key": SHORTAGE,
            "Value": "true",
            "PropagateAtLaunch": False,
        }
        for group in spot
        if group.pool == pool
    ]
    (client.create_or_update_tags if short else client.delete_tags)(Tags=tags)


def _send(account: Account, instance: str, zone: str) -> bool:
    # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
    event = {
        "id": str(uuid4()),
        "account": ACCOUNT_ID,
        "region": account.region,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": "aws.ec2",
        "detail-type": "EC2 Spot Instance Interruption Warning",
        "resources": [f"arn:aws:ec2:{zone}:instance/{instance}"],
        "detail": {"instance-id": instance, "instance-action": "terminate"},
    }
    client = account.client("events")
    client.put_events(
        Entries=[
            {
                "Source": event["source"],
                "DetailType": event["detail-type"],
                "Resources": event["resources"],
                "Detail": json.dumps(event["detail"]),
            }
        ]
    )
    return any(
        client.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(event))[
            "Result"
        ]
        for rule in client.list_rules()["Rules"]
        if rule["State"] == "ENABLED" and rule.get("EventPattern")
        if client.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    )


def _tags_by_node(account: Account, api: KubernetesApi) -> Iterator[tuple[str, dict[str, str]]]:
    """Return the tags of each node's instance, with its id under the name of the annotation."""
    annotated = {
        node["metadata"].get("annotations", {}).get(nodes.INSTANCE): node["metadata"]["name"]
        for node in api.list("v1", "Node")
    }
    for instance in _instances(account, {"instance-state-name": "running"}):
        if name := annotated.get(instance["InstanceId"]):
            yield name, {**nodes.tags(instance), nodes.INSTANCE: instance["InstanceId"]}


def _instances(account: Account, wanted: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    filters = [{"Name": name, "Values": [value]} for name, value in wanted.items()]
    pages = account.client("ec2").get_paginator("describe_instances").paginate(Filters=filters)
    for reservation in (each for page in pages for each in page["Reservations"]):
        yield from reservation["Instances"]
