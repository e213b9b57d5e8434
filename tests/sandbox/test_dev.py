"""The `dev` environment on the real engine: up, quiet, edited, refused, stuck, destroyed."""

import hashlib
import json
import re
import time

import pytest

from sandbox.errors import SandboxError
from sandbox.processes import Processes
from sandbox.providers.charts import AUTOSCALER, LOAD_BALANCER_CONTROLLER, TERMINATION_HANDLER
from tests.sandbox.conftest import MODEL, POOL, Environment, until


def test_it_brings_the_nodes_that_the_pools_ask_for(dev):
    system, spot = dev.nodes(intent="control-apps"), dev.nodes(intent="apps")

    assert len(system) == 2
    assert len(spot) == 2
    assert {node["metadata"]["labels"]["lifecycle"] for node in spot} == {"Ec2Spot"}
    assert spot[0]["status"]["allocatable"]["cpu"] == "3920m"
    assert spot[0]["status"]["allocatable"]["pods"] == "58"


def test_a_pod_serves_on_a_spot_node(dev):
    (pod,) = dev.pods("half-plus-two")
    spot = [node["metadata"]["name"] for node in dev.nodes(intent="apps")]

    assert pod["status"]["phase"] == "Running"
    assert pod["spec"]["nodeName"] in spot


def test_the_bucket_holds_the_model_and_every_digest_of_its_manifest_is_right(dev, account):
    s3 = account.client("s3")
    bucket = dev.engine.outputs()["model_bucket"].removeprefix("s3://")
    prefix = "models/half-plus-two/1/"

    def content(name: str) -> bytes:
        return s3.get_object(Bucket=bucket, Key=prefix + name)["Body"].read()

    manifest = [line.split("  ") for line in content("manifest.sha256").decode().splitlines()]
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
    assert {prefix + name for _, name in manifest} | {f"{prefix}manifest.sha256"} == {
        each["Key"] for each in listed
    }
    for digest, name in manifest:
        assert hashlib.sha256(content(name)).hexdigest() == digest


def test_the_outputs_are_those_that_others_rely_on(dev):
    outputs = dev.engine.outputs()

    assert outputs.keys() == {
        "contract_version",
        "platform",
        "kubeconfig",
        "model_bucket",
        "models",
    }
    assert outputs["kubeconfig"] == "[secret]"
    assert outputs["platform"]["cluster_name"] == "tfserving-dev"
    assert outputs["models"]["half-plus-two"] == {
        "version": 1,
        "rest_url": ("http://half-plus-two.serving.svc.cluster.local:8501/v1/models/half-plus-two"),
        "grpc_address": "half-plus-two.serving.svc.cluster.local:8500",
        "namespace": "serving",
        "public_url": None,
        "internal_url": None,
        "load_balanced_grpc_address": None,
    }


def test_what_is_up_has_no_changes_and_has_not_drifted(dev):
    dev.engine.pulumi("preview", "--expect-no-changes", quiet=True)
    dev.engine.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes", quiet=True)
    dev.engine.pulumi("preview", "--expect-no-changes", quiet=True)


def test_two_models_of_one_name_are_refused_by_their_lines(dev):
    with dev.edited({}):
        second = "    half-plus-two: {}\n"
        dev.file.write_text(dev.file.read_text() + second)
        with pytest.raises(SandboxError, match='key "half-plus-two" already defined at line'):
            dev.changes()


def test_an_edit_changes_just_what_it_should(dev):
    edit: dict[str, object] = {
        f"{MODEL}.target_cpu_percent": 60,
        f"{MODEL}.image": "tensorflow/serving:2.20.0",
        f"{POOL}.nodes.maximum": 5,
        # Where something starts says nothing once it has started.
        f"{POOL}.nodes.initial": 3,
        f"{MODEL}.replicas.initial": 2,
    }

    with dev.edited(edit):
        assert dev.changes() == {
            "half-plus-two-autoscaler": "update",
            "half-plus-two-deployment": "update",
            "tfserving-dev-4vcpu-16gb-nodes": "update",
        }


def test_what_aws_cannot_change_in_place_is_made_anew(dev):
    edit: dict[str, object] = {
        "tfserving:platform.network.cidr": "10.60.0.0/16",
        "tfserving:platform.pools.system.instance_types": ["t3.large"],
    }

    with dev.edited(edit):
        changes = dev.changes()

    assert changes["tfserving-dev-vpc"] == "replace"
    assert changes["tfserving-dev-system-nodes"] == "replace"


def test_a_new_label_reaches_the_nodes(dev):
    before = {node["metadata"]["uid"] for node in dev.nodes(intent="apps")}
    labels = {"lifecycle": "Ec2Spot", "intent": "apps", "tier": "gold"}

    dev.edit({f"{POOL}.labels": labels})
    dev.engine.deploy()

    def all_are_new() -> bool:
        # How many there are is the autoscaler's: it may have ended an idle one.
        nodes = dev.nodes(intent="apps")
        gold = [node for node in nodes if node["metadata"]["labels"].get("tier") == "gold"]
        return bool(gold) and nodes == gold

    assert until(all_are_new)
    assert before.isdisjoint(node["metadata"]["uid"] for node in dev.nodes(tier="gold"))


def test_an_edited_pod_is_rolled_out(dev):
    dev.edit({f"{MODEL}.image": "tensorflow/serving:2.20.0"})
    dev.engine.deploy()

    images = {pod["spec"]["containers"][0]["image"] for pod in dev.pods("half-plus-two")}
    assert "tensorflow/serving:2.20.0" in images


def test_a_pod_that_fits_nowhere_ends_the_deployment_with_the_schedulers_reason(
    dev, capfd, monkeypatch
):
    # The 75 s that it has by default are what is waited for, and nothing else.
    monkeypatch.setenv("TFSERVING_SANDBOX_AWAIT_SECONDS", "20")
    started = time.monotonic()

    with (
        dev.edited({f"{MODEL}.node_selector": {"topology.kubernetes.io/zone": "us-west-2z"}}),
        pytest.raises(SandboxError),
    ):
        dev.engine.deploy()

    said = capfd.readouterr()
    assert "didn't match Pod's node affinity/selector" in said.out + said.err
    assert time.monotonic() - started < 120 - (75 - 20)
    dev.engine.deploy()


def test_every_fault_of_a_file_is_told_and_nothing_is_changed(dev, capfd):
    before = _resources(dev)
    faults: dict[str, object] = {
        "tfserving:platform.network.zones.0": "eu-west-1a",
        f"{POOL}.nodes.minimum": 4,
        f"{MODEL}.image": "tensorflow/serving:latest",
        f"{MODEL}.limits": {"cpu": "1", "memory": "4Gi"},
        f"{MODEL}.nonsense": 1,
    }

    with dev.edited(faults), pytest.raises(SandboxError):
        dev.engine.deploy()

    said = re.sub(r"\s+", " ", "".join(capfd.readouterr()))
    assert [path for path in faults if path not in said] == []
    assert "Traceback" not in said
    assert _resources(dev) == before


def test_no_private_key_or_secret_is_in_clear_in_state_or_logs(dev):
    secrets = [
        line
        for key in dev.layout.cluster("dev").rglob("*.key")
        for line in key.read_text().splitlines()[1:3]
    ]
    secrets += [(dev.layout.state / "passphrase").read_text().strip(), "client-key"]

    kept = [*dev.layout.backend.rglob("*"), *dev.layout.logs.iterdir()]
    texts = {path: path.read_text(errors="replace") for path in kept if path.is_file()}

    assert len(secrets) > 2
    assert [path for path, text in texts.items() for secret in secrets if secret in text] == []


def test_destroyed_it_leaves_everything_as_it_was_before(dev, account):
    parts = {part.name: part.pid for part in Processes(dev.layout).recorded()}
    names = (AUTOSCALER, LOAD_BALANCER_CONTROLLER, TERMINATION_HANDLER)
    controllers = {parts.pop(f"dev-{name}") for name in names}
    assert controllers < dev.processes()

    dev.engine.pulumi("destroy", "--yes", "--skip-preview")

    assert until(lambda: dev.processes() == {*parts.values()})
    assert _resources(dev) == []
    assert account.client("s3").list_buckets()["Buckets"] == []
    groups = account.client("autoscaling").describe_auto_scaling_groups()
    assert groups["AutoScalingGroups"] == []
    ec2 = account.client("ec2")
    assert ec2.describe_launch_templates()["LaunchTemplates"] == []
    assert [vpc for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]] == []
    assert until(lambda: dev.nodes() == [])
    spaces = {space["metadata"]["name"] for space in dev.api.list("v1", "Namespace")}
    assert spaces == {"default", "kube-node-lease", "kube-public", "kube-system"}


def test_after_that_it_comes_up_again(dev):
    dev.engine.deploy()

    assert dev.pods("half-plus-two")[0]["status"]["phase"] == "Running"


def _resources(dev: Environment) -> list[tuple[str, ...]]:
    """Return what the state says of each resource, but for ciphertexts, which never repeat."""
    state = json.loads(dev.engine.pulumi("stack", "export", quiet=True))
    resources = state["deployment"].get("resources") or []
    return [(each["urn"], each.get("id", ""), each.get("modified", "")) for each in resources]
