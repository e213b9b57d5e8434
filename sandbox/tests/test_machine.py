"""Machine: a sandbox of a clone, what it starts, and how it gets over what happens to it."""

import base64
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
import yaml

from sandbox.emulator import Emulator
from sandbox.engine import PROVIDERS
from sandbox.errors import SandboxError
from sandbox.kubernetes_api import KubernetesApi
from sandbox.layout import MARKER, Layout
from sandbox.machine import Machine
from sandbox.processes import Processes
from sandbox.tests import clone
from sandbox.toolchain import Tools

PROGRAM = """
import base64, os, pathlib
import psutil, pulumi, pulumi_aws as aws, pulumi_eks as eks, pulumi_kubernetes as k8s, yaml

vpc = aws.ec2.Vpc("vpc", cidr_block="10.50.0.0/16")
subnets = [
    aws.ec2.Subnet(f"subnet-{zone}", vpc_id=vpc.id, cidr_block=f"10.50.{n}.0/24",
                   availability_zone=f"us-west-2{zone}")
    for n, zone in enumerate("ab")
]
cluster = eks.Cluster(
    "cluster", version="1.35", vpc_id=vpc.id, subnet_ids=[each.id for each in subnets],
    skip_default_node_group=True, skip_default_security_groups=True,
    authentication_mode=eks.AuthenticationMode.API,
)
node_config = cluster.eks_cluster.endpoint.apply(lambda server: base64.b64encode(yaml.safe_dump({
    "apiVersion": "node.eks.aws/v1alpha1", "kind": "NodeConfig",
    "spec": {"cluster": {"name": "cluster", "apiServerEndpoint": server}},
}).encode()).decode())
template = aws.ec2.LaunchTemplate(
    "template", image_id="ami-12c6146b", instance_type="m5.xlarge", user_data=node_config)
group = aws.autoscaling.Group(
    "group", min_size=1, max_size=1, vpc_zone_identifiers=[each.id for each in subnets],
    launch_template={"id": template.id, "version": "$Latest"})
bucket = aws.s3.Bucket("bucket", bucket="models")
content = aws.s3.BucketObjectv2("object", bucket=bucket.id, key="x", content="held")
provider = k8s.Provider("kubernetes", kubeconfig=cluster.kubeconfig_json,
                        cluster_identifier="cluster", enable_server_side_apply=True)
opts = pulumi.ResourceOptions(provider=provider, depends_on=[group])
k8s.core.v1.Secret("secret", metadata={"name": "secret"}, string_data={"key": "correct-horse"},
                   opts=opts)
for name, selector in {"web": {}, **pulumi.Config().get_object("more", {})}.items():
    labels = {"app": name}
    k8s.apps.v1.Deployment(name, metadata={"name": name}, opts=opts, spec={
        "selector": {"match_labels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {
            "containers": [{"name": "web", "image": "web:1"}], "node_selector": selector,
        }},
    })


def look(_):
    seen = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
            if environment.get("TFSERVING_SANDBOX") == os.environ["TFSERVING_SANDBOX"]:
                seen.append({"command": process.cmdline(), "environment": environment})
        except psutil.Error:
            pass
    pathlib.Path(".sandbox/seen.yaml").write_text(yaml.safe_dump(seen))


pulumi.Output.all(content.id, provider.id).apply(look)
pulumi.export("kubeconfig", pulumi.Output.secret(cluster.kubeconfig_json))
"""
STACK = "config:\n  aws:region: us-west-2\n"
THE_USERS = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "GOOGLE_CREDENTIALS", "PULUMI_ACCESS_TOKEN")


class Clone:
    """A clone's machine, and what runs in it."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.machine = Machine("dev", layout)
        self.engine = self.machine.start()
        self.processes = Processes(layout)

    @property
    def api(self) -> KubernetesApi:
        return KubernetesApi.from_kubeconfig(self.layout.kubeconfig("dev"))

    def up(self) -> None:
        self.engine = self.machine.start()
        self.engine.deploy()

    def s3(self) -> Any:
        url = Emulator(self.layout, self.processes).url
        return boto3.client(
            "s3", endpoint_url=url, aws_access_key_id="x", aws_secret_access_key="x"
        )

    def held(self, key: str = "x") -> bytes:
        """Return what is in an object of the bucket."""
        return self.s3().get_object(Bucket="models", Key=key)["Body"].read()

    def nodes(self) -> dict[str, str]:
        """Return which instance each node is."""
        nodes = self.api.list("v1", "Node")
        return {node["metadata"]["name"]: node["spec"]["providerID"] for node in nodes}

    def is_served(self, app: str = "web") -> bool:
        """Tell whether a pod runs on a node that is there."""
        pods = self.api.list("v1", "Pod", "default", label_selector=f"app={app}")
        nodes = self.nodes()
        running = [pod for pod in pods if pod["status"].get("phase") == "Running"]
        return any(pod["spec"].get("nodeName") in nodes for pod in running)

    def pids(self) -> dict[str, int]:
        return {part.name: part.pid for part in self.processes.recorded() if part.process}

    def kill(self, *parts: str) -> None:
        for part in parts:
            os.kill(self.processes.require_alive(part).pid, 9)
        eventually(lambda: not any(map(self.processes.running, parts)))


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def dev(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """A clone whose sandbox was brought up by a user who has settings of their own."""
    layout = clone.write(tmp_path_factory.mktemp("clone"), PROGRAM, dev=STACK)
    with pytest.MonkeyPatch.context() as patch:
        for name in (*THE_USERS, "AWS_SECRET_ACCESS_KEY", "KUBECONFIG", "HTTPS_PROXY"):
            patch.setenv(name, "canary")
        up = Clone(layout)
        up.engine.deploy()
    yield up
    up.machine.end()


def test_an_environment_comes_up(dev):
    assert dev.held() == b"held"
    assert dev.is_served()
    assert len(dev.nodes()) == 1


def test_nothing_of_the_users_reaches_any_process_or_file(dev):
    seen = yaml.safe_load((dev.layout.state / "seen.yaml").read_text())
    commands = [" ".join(process["command"]) for process in seen]

    providers = [PROVIDERS[package] for package in ("aws", "eks", "kubernetes")]
    for started in (*providers, "sandbox.language_host", "kwok", "sandbox.emulator"):
        assert any(started in command for command in commands)
    assert "canary" not in str(seen)
    for path in files(dev.layout):
        assert b"canary" not in path.read_bytes(), path


def test_no_secret_is_in_clear_in_state_logs_or_arguments(dev):
    seen = yaml.safe_load((dev.layout.state / "seen.yaml").read_text())
    clusters = dev.layout.state / "clusters"  # the API server's own data, and keys for its clients

    texts = [str(seen).encode()]
    texts += [f.read_bytes() for f in files(dev.layout) if not f.is_relative_to(clusters)]
    for secret in (b"correct-horse", base64.b64encode(b"correct-horse"), b"PRIVATE KEY"):
        assert not [text for text in texts if secret in text]
    for path in files(dev.layout):
        assert path.stat().st_mode & 0o077 == 0 or b"PRIVATE KEY" not in path.read_bytes()


def files(layout: Layout) -> list[Path]:
    return [path for path in layout.state.rglob("*") if path.is_file()]


def test_a_second_start_changes_no_process(dev):
    before = dev.pids()
    dev.machine.start()
    assert dev.pids() == before


def test_what_the_emulator_held_when_it_was_killed_is_there_and_nothing_is_made_again(dev, capfd):
    nodes = dev.nodes()
    dev.s3().put_object(Bucket="models", Key="mine", Body=b"put by the user")
    dev.kill("emulator", "dev-kube-scheduler", "dev-watcher")
    dev.machine.start()

    said = capfd.readouterr().err
    assert "emulator has ended since it was started; starting it again" in said
    assert "dev-kube-scheduler has ended" in said
    assert "the emulator lost what it held" not in said
    assert dev.held("mine") == b"put by the user"
    dev.engine.pulumi("preview", "--expect-no-changes", quiet=True)
    dev.engine.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes", quiet=True)
    assert dev.nodes() == nodes
    dev.s3().delete_object(Bucket="models", Key="mine")


def test_what_the_emulator_cannot_read_any_more_is_made_again(dev, capfd):
    nodes = dev.nodes()
    dev.kill("emulator")
    (dev.layout.state / "emulator" / "other").write_bytes(b"")
    dev.up()

    assert "the emulator lost what it held: making it again" in capfd.readouterr().err
    assert dev.held() == b"held"
    eventually(lambda: dev.is_served() and not set(nodes.values()) & set(dev.nodes().values()))


def test_an_update_that_was_killed_while_it_made_something_is_taken_up_by_the_next(dev, capfd):
    file = dev.layout.root / "Pulumi.dev.yaml"
    file.write_text(STACK + "  example:more: {late: {no: such-node}}\n")
    with clone.sandbox(dev.layout, "up") as command:
        eventually(lambda: len(dev.api.list("apps/v1", "Deployment", "default")) == 2)
        engine = next(p for p in psutil.Process(command.pid).children() if "pulumi" in p.name())
        engine.kill()
        assert command.wait(60) == 1
    file.write_text(STACK + "  example:more: {late: {}}\n")
    dev.up()

    assert "removing the lock on dev" in capfd.readouterr().err
    eventually(lambda: dev.is_served("late"))
    assert "pending_operations" not in dev.engine.pulumi("stack", "export", quiet=True)


def test_two_clones_do_not_disturb_each_other(dev, tmp_path):
    before = dev.pids()
    other = Clone(clone.write(tmp_path, "", dev=STACK))
    try:
        ports = [
            port
            for part in (*dev.processes.recorded(), *other.processes.recorded())
            for port in part.ports.values()
        ]
        assert len(ports) == len(set(ports))
    finally:
        other.machine.end()

    assert dev.pids() == before
    assert not other.layout.state.exists()
    mark = str(other.layout.state.resolve())
    assert not [p for p in psutil.process_iter() if environment(p).get(MARKER) == mark]
    assert dev.held() == b"held"


def environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}


def test_a_port_that_was_taken_while_the_sandbox_was_not_running_is_told(dev):
    dev.kill("emulator")
    port = dev.processes.record("emulator").ports["emulator"]
    dev.processes.require_free(port, "this test")  # its sockets go a moment after the process
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(SandboxError, match=f"port {port} of 127.0.0.1, which emulator"),
    ):
        dev.machine.start()
