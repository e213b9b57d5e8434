"""A stack's kind of platform stays what it is: another would delete all of the first."""

from typing import Any

import pulumi
import pytest

import settings
import stacks
from stacks import kept_kind
from tests.unit.stack_files import PLATFORM, ROOT, config_of, configure

OWN = "organization/tfserving/test"


def deploy(cloud: Any, stack_file: str, before: dict[str, Any]) -> None:
    cloud.stacks[OWN] = before
    configure(config_of(ROOT / stack_file))
    cloud.run(lambda: stacks.deploy(settings.load()))


def test_another_kind_than_the_deployed_one_is_refused_with_what_to_do(cloud):
    with pytest.raises(pulumi.RunError) as refusal:
        deploy(cloud, "Pulumi.gke.yaml", {"platform": {"kind": "eks"}})

    assert str(refusal.value).splitlines() == [
        "Pulumi.test.yaml has 1 fault:",
        f"  {PLATFORM}.kind: must stay eks, which stack test has: all of that would be deleted. "
        "Give the other a file of its own, or end this one first: pulumi destroy --stack test; got "
        '"gke"',
    ]
    assert not cloud.types()


@pytest.mark.parametrize("before", [{}, {"platform": None}, {"platform": {"kind": "gke"}}])
def test_a_first_deployment_and_a_later_one_go_on(cloud, before):
    deploy(cloud, "Pulumi.gke.yaml", before)

    assert "gcp:container/cluster:Cluster" in cloud.types()


def test_a_state_that_is_being_written_is_read_again(cloud, monkeypatch):
    answers = iter([OSError("EOF"), OSError("EOF"), {"outputs": {"platform": {"kind": "eks"}}}])
    asked: list[str] = []

    async def read(token: str, _: object) -> object:
        asked.append(token)
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(pulumi.runtime, "invoke_async", read)
    with pytest.raises(pulumi.RunError):
        deploy(cloud, "Pulumi.gke.yaml", {})

    assert len(asked) == 3


def test_a_state_that_cannot_be_read_at_all_stops_the_program(cloud, monkeypatch):
    async def read(_token: str, _: object) -> object:
        raise OSError("no such bucket")

    monkeypatch.setattr(pulumi.runtime, "invoke_async", read)
    monkeypatch.setattr(kept_kind, "_PAUSES", (0.0,))

    with pytest.raises(OSError, match="no such bucket"):
        deploy(cloud, "Pulumi.gke.yaml", {})
    assert not cloud.types()
