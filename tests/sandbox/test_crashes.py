"""Kills at random moments of `up`: the next one completes, nothing is lost and nothing is twice."""

import json
import os
import random
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from sandbox.emulator import Emulator
from sandbox.layout import MARKER, Layout
from sandbox.machine import Machine
from sandbox.processes import Processes
from sandbox.project import copy_repository
from sandbox.providers.aws.account import Account
from sandbox.tests import clone

_REPOSITORY = Path(__file__).parents[2]
_LIMIT = 180.0
_LATEST = 15.0
"""`up` is hit within so many seconds."""

_IN_THE_ENGINE = 0.75
"""The share of kills that are timed from the start of the engine, which makes things."""

_AFTER = 10.0
"""So long it may go on then, before it is killed as a whole."""

_KINDS = {
    "the command": "",
    "the engine": "pulumi",
    "the aws provider": "sandbox.providers.aws",
    "the emulator": "sandbox.emulator.server",
    "the kubernetes provider": "sandbox.providers.helm_release",
    "the API server": "kube-apiserver",
    "the eks provider": "sandbox.providers.eks",
    "etcd": "etcd",
    "the program": "sandbox.language_host",
    "the watcher": "sandbox.nodes.watcher",
}
"""What is killed: by a word of the command that it was started with."""


class Crashing:
    """A clone whose `up` is killed again and again."""

    def __init__(self, layout: Layout, seed: int) -> None:
        self.layout = layout
        self.random = random.Random(seed)
        self.machine = Machine("dev", layout)
        self.emulator = Emulator(layout, Processes(layout))
        self._log = layout.root / "up.log"

    def up(self) -> "subprocess.Popen[str]":
        with self._log.open("a") as log:
            return clone.sandbox(self.layout, "up", output=log)

    def complete(self) -> None:
        assert self.up().wait(_LIMIT) == 0, self._log.read_text()[-3000:]

    def kill(self, kind: str) -> None:
        """Start `up`, kill what is of a kind at some moment, and what has not ended soon after."""
        command = self.up()
        if self.random.random() < _IN_THE_ENGINE:
            _wait(lambda: command.poll() is not None or self._found("the engine", command.pid))
        began = time.monotonic()
        moment = began + self.random.uniform(0, _LATEST)
        _wait(lambda: command.poll() is not None or time.monotonic() > moment)
        _wait(lambda: command.poll() is not None or self._kill(kind, command.pid))
        print(f"{kind} at {time.monotonic() - began:.1f} s")
        with suppress(subprocess.TimeoutExpired):
            command.wait(_AFTER)
        for survivor in ("the command", "the engine"):
            self._kill(survivor, command.pid)
        command.wait()

    def _kill(self, kind: str, command: int) -> bool:
        found = self._found(kind, command)
        if found:
            with suppress(psutil.NoSuchProcess):
                found.kill()
        return found is not None

    def _found(self, kind: str, command: int) -> psutil.Process | None:
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.pid == command if kind == "the command" else self._is(kind, process):
                    return process
        return None

    def _is(self, kind: str, process: psutil.Process) -> bool:
        words = {Path(word).name for word in process.cmdline()[:3]}
        own = str(self.layout.state.resolve())
        return _KINDS[kind] in words and process.environ().get(MARKER) == own

    def resources(self) -> list[dict[str, str]]:
        """Return what the state holds."""
        exported = self.machine.running_engine().pulumi("stack", "export", quiet=True)
        deployment = json.loads(exported)["deployment"]
        assert not deployment.get("pending_operations")
        return deployment["resources"]


def _wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + _LIMIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def crashing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crashing]:
    # Pods that get no node, since what would bring it was killed, are not waited for.
    monkeypatch.setenv("TFSERVING_SANDBOX_AWAIT_SECONDS", "20")
    seed = int(os.environ.get("TFSERVING_CRASH_SEED") or random.randrange(2**32))
    print(f"TFSERVING_CRASH_SEED={seed}")
    copy_repository(_REPOSITORY, tmp_path)
    crashing = Crashing(Layout(tmp_path), seed)
    yield crashing
    crashing.machine.end()


@pytest.fixture
def account(crashing: Crashing, monkeypatch: pytest.MonkeyPatch) -> Account:
    for name, value in crashing.emulator.environment.items():
        monkeypatch.setenv(name, value)
    return Account("us-west-2", "dev")


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_any_moment_the_next_up_completes(crashing, account, kills):
    kinds = [kind for _ in range(kills) for kind in crashing.random.sample([*_KINDS], len(_KINDS))]
    s3, put = account.client("s3"), set[str]()

    for kind in kinds[:kills]:
        crashing.kill(kind)
        crashing.emulator.start()
        for bucket in {each["Name"] for each in s3.list_buckets()["Buckets"]} - put:
            s3.put_object(Bucket=bucket, Key="mine", Body=b"put by the user")
            put.add(bucket)
    crashing.complete()

    resources = crashing.resources()
    # Then what the state holds is what a clean run makes.
    crashing.machine.running_engine().pulumi("preview", "--expect-no-changes", quiet=True)
    urns = [each["urn"] for each in resources]
    assert len(urns) == len(set(urns))
    ids: dict[str, list[str]] = defaultdict(list)
    for resource in resources:
        ids[resource["type"]].append(resource.get("id", ""))
    _require_as_in_the_state(account, ids)
    (bucket,) = ids["aws:s3/bucket:Bucket"]
    keys = {each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    objects = ids["aws:s3/bucketObjectv2:BucketObjectv2"]
    assert keys - {"mine"} == {each.removeprefix(f"{bucket}/") for each in objects}
    for name in put:
        assert s3.get_object(Bucket=name, Key="mine")["Body"].read() == b"put by the user"


def _require_as_in_the_state(account: Account, ids: Mapping[str, Sequence[str]]) -> None:
    """Compare what the emulator holds with what the state does: what is nobody's was made twice."""
    ec2, autoscaling = account.client("ec2"), account.client("autoscaling")
    managed = [each.replace(":", "-") for each in ids["aws:eks/nodeGroup:NodeGroup"]]
    groups = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    templates = ec2.describe_launch_templates()["LaunchTemplates"]
    held = {
        "aws:ec2/vpc:Vpc": [
            each["VpcId"] for each in ec2.describe_vpcs()["Vpcs"] if not each["IsDefault"]
        ],
        "aws:ec2/subnet:Subnet": [
            each["SubnetId"]
            for each in ec2.describe_subnets()["Subnets"]
            if not each["DefaultForAz"]
        ],
        "aws:ec2/launchTemplate:LaunchTemplate": [
            each["LaunchTemplateId"]
            for each in templates
            if not each["LaunchTemplateName"].startswith("eks-")
        ],
        "aws:autoscaling/group:Group": [
            each["AutoScalingGroupName"]
            for each in groups
            if not each["AutoScalingGroupName"].startswith("eks-")
        ],
        "aws:s3/bucket:Bucket": [
            each["Name"] for each in account.client("s3").list_buckets()["Buckets"]
        ],
        "aws:sqs/queue:Queue": account.client("sqs").list_queues().get("QueueUrls", []),
        "aws:cloudwatch/eventRule:EventRule": [
            each["Name"] for each in account.client("events").list_rules()["Rules"]
        ],
    }
    assert {kind: sorted(there) for kind, there in held.items()} == {
        kind: sorted(ids[kind]) for kind in held
    }
    of_eks = {f"eks-{each}" for each in managed}
    assert {each["LaunchTemplateName"] for each in templates} >= of_eks
    assert {each["AutoScalingGroupName"] for each in groups} >= of_eks
    assert len(templates) == len(held["aws:ec2/launchTemplate:LaunchTemplate"]) + len(of_eks)
    assert len(groups) == len(held["aws:autoscaling/group:Group"]) + len(of_eks)
    for group in groups:
        assert len(group["Instances"]) == group["DesiredCapacity"]
    hooks = [
        hook["LifecycleHookName"]
        for group in groups
        for hook in autoscaling.describe_lifecycle_hooks(
            AutoScalingGroupName=group["AutoScalingGroupName"]
        )["LifecycleHooks"]
    ]
    assert len(hooks) == len(ids["aws:autoscaling/lifecycleHook:LifecycleHook"])
    targets = [
        target["Id"]
        for rule in held["aws:cloudwatch/eventRule:EventRule"]
        for target in account.client("events").list_targets_by_rule(Rule=rule)["Targets"]
    ]
    assert len(targets) == len(ids["aws:cloudwatch/eventTarget:EventTarget"])
