"""Another stack's outputs: typed when they are sound, and told by key when they are not."""

import re
from typing import Any

import pulumi
import pytest

from stacks import contract
from stacks.outputs import StackOutputs
from tests.unit.stacks.platforms import STACK, outputs


def read(cloud: Any, given: dict[str, Any]) -> StackOutputs:
    cloud.stacks[STACK] = given
    return cloud.run(lambda: contract.read(STACK))


def refusal(cloud: Any, given: dict[str, Any]) -> str:
    with pytest.raises(pulumi.RunError) as refused:
        read(cloud, given)
    return str(refused.value)


def test_outputs_are_read_as_what_was_written(cloud):
    found = read(cloud, outputs())

    assert found.platform.cluster_name == "tfserving-prod"
    assert found.platform.pools["spot"].node_capacity.cpu == "3920m"
    assert found.platform.notice.seconds == 120
    assert found.platform.egress[0].port == 80
    assert found.platform.entrance.cidrs == ("10.50.0.0/16",)
    assert found.models["resnet"].namespace == "serving"
    assert found.model_bucket == "s3://tfserving-prod-models"


def test_the_kubeconfig_stays_a_secret(cloud):
    found = read(cloud, outputs())

    assert cloud.value(found.kubeconfig) == '{"clusters": "of prod"}'
    assert cloud.value_is_secret(found.kubeconfig)
    assert "of prod" not in repr(found)


def test_fields_that_a_later_program_adds_are_passed_over(cloud):
    given = outputs(endpoint="https://prod.invalid")
    given["platform"]["colour"] = "blue"
    given["models"]["resnet"]["canary"] = None

    assert read(cloud, given).contract_version == 1


def test_a_stack_without_outputs_is_to_be_deployed_first(cloud):
    assert refusal(cloud, {}) == (
        f"stack {STACK} has no output contract_version: deploy it first, or name a stack of this "
        "program"
    )


def test_a_newer_contract_asks_for_a_newer_program(cloud):
    assert refusal(cloud, {"contract_version": 2, "platform": "other"}) == (
        f"stack {STACK} keeps contract 2, this program reads up to 1: update this program"
    )


def test_a_version_that_is_none_is_refused(cloud):
    assert re.search("\n  contract_version: must be", refusal(cloud, outputs(contract_version="x")))


def test_what_is_missing_or_of_another_type_is_told_by_key_all_at_once(cloud):
    given = outputs(model_bucket=7)
    del given["platform"]["notice"]
    given["platform"]["kind"] = "nomad"
    given["platform"]["pools"]["spot"]["maximum"] = "many"
    del given["models"]["resnet"]["namespace"]

    title, *faults = refusal(cloud, given).splitlines()

    assert title == (
        f"the outputs of stack {STACK} are not those of contract 1; if an older program wrote "
        "them, deploy it again:"
    )
    assert {fault.strip().partition("; got")[0] for fault in faults} == {
        "platform.kind: must be 'eks', 'gke' or 'shared'; 'shared' is nearest",
        "platform.notice: is required",
        "platform.pools.spot.maximum: must be a valid integer, unable to parse string as an "
        "integer",
        "model_bucket: must be a valid string",
        "models.resnet.namespace: is required",
    }


@pytest.mark.parametrize("given", [None, "", {"token": "hunter2"}])
def test_a_kubeconfig_that_cannot_be_read_is_told_but_not_shown(cloud, given):
    refused = refusal(cloud, outputs(kubeconfig=given))

    assert refused.endswith(
        "\n  kubeconfig: must be there, a text that this stack may decrypt: the secrets provider "
        f"of {STACK} has to be usable here"
    )
    assert "hunter2" not in refused
