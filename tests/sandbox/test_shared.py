"""A stack with models only, on the platform of `dev`: the shipped examples, as one types them."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from sandbox.errors import SandboxError
from sandbox.processes import Processes
from tests.sandbox.conftest import Environment, until

STACK = "tfserving:platform.stack"
MODEL = "tfserving:models.plus-two"
FOLDER = "shared/tfserving/team-a"


@pytest.fixture(scope="module")
def team(dev: Environment) -> Environment:
    """The example of a stack that shares a platform, deployed."""
    shutil.copy(dev.root / "examples" / "Pulumi.team-a.yaml", dev.root)
    environment = Environment(dev.root, "team-a")
    # A pod that goes takes so long.
    environment.edit(
        {f"{MODEL}.longest_request_seconds": 5, f"{MODEL}.grpc_connection_age_seconds": 10}
    )
    environment.engine.deploy()
    return environment


def consumer(team: Environment, *arguments: str) -> str:
    """Run Pulumi on the example of a program that reads outputs."""
    command, settings = team.engine.invocation("--cwd", str(team.root / "examples" / "consumer"))
    done = subprocess.run(
        [*command, *arguments, "--stack", "demo", "--non-interactive"],
        env=settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def running(team: Environment, namespace: str, model: str) -> list[str]:
    label = f"app.kubernetes.io/instance={model}"
    pods = team.api.list("v1", "Pod", namespace, label_selector=label)
    return [pod["spec"]["nodeName"] for pod in pods if pod["status"]["phase"] == "Running"]


def refusal(team: Environment, changes: dict[str, object]) -> str:
    with team.edited(changes), pytest.raises(SandboxError) as refused:
        team.engine.pulumi("preview", quiet=True)
    said = str(refused.value)
    assert "Traceback" not in said
    return said


def test_its_pod_runs_in_its_namespace_on_a_node_of_the_platform(team):
    (node,) = until(lambda: running(team, "team-a", "plus-two"))

    assert node in {each["metadata"]["name"] for each in team.nodes(intent="apps")}


def test_it_has_no_control_plane_of_its_own(dev, team):
    parts = [part.name for part in Processes(team.layout).recorded()]

    assert "dev-kube-apiserver" in parts
    assert not [part for part in parts if part.startswith("team-a")]
    assert team.engine.settings["KUBECONFIG"] == str(dev.layout.kubeconfig("dev"))
    assert team.machine.is_up


def test_its_outputs_keep_the_same_contract(dev, team):
    platforms, own = dev.engine.outputs(), team.engine.outputs()

    schema = json.loads((team.root / "docs" / "schemas" / "outputs.schema.json").read_text())
    for outputs in (platforms, own):
        Draft202012Validator(schema).validate(outputs)
    assert own["kubeconfig"] == "[secret]"
    assert own["platform"] == {**platforms["platform"], "kind": "shared"}
    assert own["model_bucket"] == f"{platforms['model_bucket']}/{FOLDER}"
    assert own["models"]["plus-two"]["namespace"] == "team-a"
    assert own["models"]["plus-two"]["rest_url"] == (
        "http://plus-two.team-a.svc.cluster.local:8501/v1/models/plus-two"
    )


def test_its_files_are_in_the_platforms_bucket_apart_from_the_platforms(dev, team, account):
    bucket = dev.engine.outputs()["model_bucket"].removeprefix("s3://")
    listed = account.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    keys = {each["Key"] for each in listed}

    assert f"{FOLDER}/models/plus-two/1/saved_model.pb" in keys
    assert "models/half-plus-two/1/saved_model.pb" in keys


def test_it_has_neither_changes_nor_drift(team):
    team.engine.pulumi("preview", "--expect-no-changes", quiet=True)
    team.engine.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes", quiet=True)


def test_the_kubeconfig_is_in_clear_nowhere_in_its_state(dev, team):
    state = team.engine.pulumi("stack", "export", quiet=True)

    server = team.api.server
    assert server not in state
    assert "client-certificate" not in state


def test_a_namespace_of_the_platforms_is_refused_before_anything_is_changed(team):
    said = refusal(team, {f"{MODEL}.namespace": "serving"})

    assert (
        f"{MODEL}.namespace: must be a namespace of this stack's own: organization/tfserving/dev "
        'has serving; got "serving"'
    ) in said


def test_more_replicas_than_the_platform_holds_are_refused(team):
    said = refusal(team, {f"{MODEL}.replicas.maximum": 1000})

    assert f"{MODEL}.replicas.maximum: must be at most " in said
    assert "nodes of 4vcpu-16gb x " in said


def test_another_region_than_the_platforms_is_refused(team):
    said = refusal(team, {"aws:region": "eu-west-1"})

    assert "aws:region: must be the region of organization/tfserving/dev, us-west-2" in said


def test_a_stack_that_is_not_there_is_told(team):
    assert "organization/tfserving/nowhere" in refusal(
        team, {STACK: "organization/tfserving/nowhere"}
    )


def test_a_stack_that_was_not_deployed_is_told(team):
    if not (team.root / "Pulumi.later.yaml").exists():
        (team.root / "Pulumi.later.yaml").write_text("config: {}\n")
        team.engine.pulumi("stack", "init", "later", "--no-select", quiet=True)

    said = refusal(team, {STACK: "organization/tfserving/later"})

    assert "stack organization/tfserving/later has no output contract_version" in said


def test_a_newer_contract_is_told(team, tmp_path: Path):
    (tmp_path / "Pulumi.yaml").write_text("name: newer\nruntime: python\n")
    (tmp_path / "__main__.py").write_text("import pulumi\npulumi.export('contract_version', 2)\n")
    command, settings = team.engine.invocation("--cwd", str(tmp_path))
    for arguments in (["stack", "init"], ["up", "--yes", "--skip-preview"]):
        subprocess.run([*command, *arguments, "--stack", "next"], env=settings, check=True)

    said = refusal(team, {STACK: "organization/newer/next"})

    assert (
        "stack organization/newer/next keeps contract 2, this program reads up to 1: update this "
        "program"
    ) in said


def test_the_example_of_a_consumer_tells_an_application_where_models_are(dev, team):
    consumer(team, "stack", "init")
    consumer(team, "config", "set", "serving", "organization/tfserving/team-a")
    consumer(team, "config", "set", "namespace", "team-a")
    consumer(team, "up", "--yes", "--skip-preview")

    told = team.api.get("v1", "ConfigMap", "models", "team-a")["data"]
    url = team.engine.outputs()["models"]["plus-two"]["rest_url"]
    assert told == {"plus-two.url": f"{url}:predict"}
    assert json.loads(consumer(team, "stack", "output", "--json")) == {"urls": told}
    consumer(team, "destroy", "--yes", "--skip-preview")


def test_what_it_leaves_is_the_platforms_alone(dev, team, account):
    team.engine.pulumi("destroy", "--yes", "--skip-preview", quiet=True)

    assert len(running(dev, "serving", "half-plus-two")) == 1
    bucket = dev.engine.outputs()["model_bucket"].removeprefix("s3://")
    listed = account.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert not [each["Key"] for each in listed if each["Key"].startswith("shared/")]
    assert [each["Key"] for each in listed if each["Key"].startswith("models/")]
    dev.engine.pulumi("preview", "--expect-no-changes", quiet=True)
