"""Queues, and the rules that feed them, as the aws provider makes them in the emulator."""

from typing import Any

import pytest
import yaml

from sandbox.providers.plugin import Request
from sandbox.tests.emulated_aws import QUEUE, REGION, RULE, TARGET, Cloud


def queue(cloud: Cloud, name: str, **inputs: Any) -> tuple[Request, dict[str, Any]]:
    return cloud.make(QUEUE, name, {"sqsManagedSseEnabled": True, **inputs})


def sent_to(cloud: Cloud, made: Request) -> list[str]:
    received = cloud.account.client("sqs").receive_message(QueueUrl=made.id)
    return [message["Body"] for message in received.get("Messages", [])]


def test_a_queue_is_known_by_its_address_and_has_what_was_asked_for(cloud):
    made, outputs = queue(cloud, "asked", visibilityTimeoutSeconds=60)

    assert made.id == outputs["url"]
    assert outputs["arn"] == f"arn:aws:sqs:{REGION}:123456789012:{made.inputs['name']}"
    assert cloud.read(made).inputs == made.inputs


def test_a_queues_settings_change_in_place_and_go_back_to_their_defaults(cloud):
    made, _ = queue(cloud, "settings", visibilityTimeoutSeconds=60, delaySeconds=5)
    kept = {name: value for name, value in made.inputs.items() if name != "delaySeconds"}

    changed = cloud.provider.update(
        Request(
            urn=made.urn,
            id=made.id,
            inputs={**kept, "visibilityTimeoutSeconds": 90},
            old_inputs=made.inputs,
        )
    )

    assert (changed["visibilityTimeoutSeconds"], changed["delaySeconds"]) == (90, 0)


def test_a_queue_whose_making_was_not_recorded_is_adopted(cloud):
    made, _ = queue(cloud, "crashed")

    again, _ = queue(cloud, "crashed")

    assert again.id == made.id


def test_a_queue_has_its_policy_until_that_is_deleted(cloud):
    made, _ = queue(cloud, "open")
    document = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", '
    document += '"Action": "sqs:SendMessage", "Resource": "*"}]}'
    policy, _ = cloud.make(
        "aws:sqs/queuePolicy:QueuePolicy", "open", {"queueUrl": made.id, "policy": document}
    )

    held = cloud.read(policy)
    cloud.provider.delete(policy)

    assert held.inputs == policy.inputs
    assert cloud.read(policy) is None
    assert cloud.read(made).inputs == made.inputs


def test_an_event_that_a_rule_waits_for_reaches_its_queue_and_no_other_does(cloud):
    made, outputs = queue(cloud, "notices")
    rule, _ = cloud.make(RULE, "spot", {"eventPattern": '{"detail-type": ["Interruption"]}'})
    cloud.make(TARGET, "spot", {"rule": rule.id, "arn": outputs["arn"]})

    cloud.account.client("events").put_events(
        Entries=[
            {"Source": "aws.ec2", "DetailType": kind, "Detail": '{"instance-id": "i-1"}'}
            for kind in ("Interruption", "Launch")
        ]
    )

    (notice,) = sent_to(cloud, made)
    assert yaml.safe_load(notice)["detail"] == {"instance-id": "i-1"}


def test_a_rule_and_its_target_change_in_place(cloud):
    _, first = queue(cloud, "first")
    _, second = queue(cloud, "second")
    rule, _ = cloud.make(RULE, "moved", {"eventPattern": '{"source": ["a"]}'})
    target, _ = cloud.make(TARGET, "moved", {"rule": rule.id, "arn": first["arn"]})

    cloud.change(rule, eventPattern='{"source": ["b"]}')
    cloud.change(target, arn=second["arn"])

    assert cloud.read(rule).inputs["eventPattern"] == '{"source": ["b"]}'
    assert cloud.read(target).inputs["arn"] == second["arn"]


@pytest.mark.parametrize("token", [QUEUE, RULE, TARGET])
def test_what_tells_of_interruptions_is_gone_once_deleted_and_may_be_deleted_again(cloud, token):
    name = f"gone-{token[-5:].lower()}"
    _, outputs = queue(cloud, name)
    rule, _ = cloud.make(RULE, name, {"eventPattern": '{"source": ["a"]}'})
    target, _ = cloud.make(TARGET, name, {"rule": rule.id, "arn": outputs["arn"]})
    made = {QUEUE: queue(cloud, f"{name}-2")[0], RULE: rule, TARGET: target}[token]

    cloud.provider.delete(target)
    cloud.provider.delete(made)

    assert cloud.read(made) is None
    cloud.provider.delete(made)
