"""What the autoscaler's stand-in heeds of its container's command."""

from pathlib import Path

import pytest

from sandbox.cluster_autoscaler.flags import Flags, parse
from sandbox.providers.charts import objects

PLACE = ("--root", "/clone", "--stack", "dev", "--region", "us-west-2")
DISCOVERY = "--node-group-auto-discovery=asg:tag=enabled,mine"


def parsed(*flags: str) -> Flags:
    return parse([*PLACE, DISCOVERY, *flags])


def test_what_is_not_said_is_what_the_real_one_takes():
    assert parsed() == Flags(
        root=Path("/clone"),
        stack="dev",
        region="us-west-2",
        namespace="kube-system",
        tags=frozenset({"enabled", "mine"}),
        expander=["least-waste"],
        expendable_pods_priority_cutoff=-10,
        initial_node_group_backoff_duration=5 * 60,
        max_node_provision_time=15 * 60,
        scale_down_delay_after_add=10 * 60,
        scale_down_unneeded_time=10 * 60,
        scale_down_utilization_threshold=0.5,
        skip_nodes_with_local_storage=True,
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10m", 600),
        ("0s", 0),
        ("90s", 90),
        ("1h30m", 5400),
        ("10m0s", 600),
        ("1.5h", 5400),
        ("500ms", 0.5),
        ("0", 0),
    ],
)
def test_times_are_read_as_go_reads_them(text, seconds):
    assert parsed(f"--scale-down-unneeded-time={text}").scale_down_unneeded_time == seconds


def test_the_time_until_a_group_that_failed_is_tried_again_is_read():
    flags = parsed("--initial-node-group-backoff-duration=1m")

    assert flags.initial_node_group_backoff_duration == 60


@pytest.mark.parametrize("text", ["10", "ten minutes", "10min", "", "10m later"])
def test_a_time_that_go_would_not_read_is_refused(text, capsys):
    with pytest.raises(SystemExit, match="2"):
        parsed(f"--max-node-provision-time={text}")

    said = capsys.readouterr().err
    assert f"--max-node-provision-time: must be a time, such as 1h30m or 90s, got {text!r}" in said


@pytest.mark.parametrize(("text", "skips"), [("true", True), ("false", False)])
def test_a_switch_is_read(text, skips):
    assert parsed(f"--skip-nodes-with-local-storage={text}").skip_nodes_with_local_storage is skips


def test_expanders_are_a_chain():
    assert parsed("--expander=priority,least-waste").expander == ["priority", "least-waste"]


def test_what_is_not_heeded_is_passed_over():
    assert parsed("--v=4", "--cloud-provider=aws", "--scale-down-unready-time=20m") == parsed()


def test_a_flag_of_another_name_is_not_taken_for_one_that_begins_alike():
    assert parsed("--scale-down-unneeded=1s", "--namespace-of=x") == parsed()


@pytest.mark.parametrize("missing", ["--root", "--stack", "--region", DISCOVERY])
def test_without_its_place_or_the_tags_to_look_for_it_does_not_start(missing, capsys):
    given = [*PLACE, DISCOVERY]
    index = given.index(missing)
    del given[index : index + 1 + (missing != DISCOVERY)]

    with pytest.raises(SystemExit, match="2"):
        parse(given)

    assert missing.partition("=")[0] in capsys.readouterr().err


def test_it_reads_what_its_release_says():
    values = {
        "autoDiscovery": {"clusterName": "dev"},
        "extraArgs": {"expander": "priority,least-waste", "scale-down-unneeded-time": "1m"},
    }
    release = {"chart": "cluster-autoscaler", "name": "scaler", "namespace": "tools"}
    *_, deployment = objects({**release, "values": values})
    command = deployment["spec"]["template"]["spec"]["containers"][0]["command"]

    flags = parse([*PLACE, *command[1:]])

    assert flags.tags == {"k8s.io/cluster-autoscaler/enabled", "k8s.io/cluster-autoscaler/dev"}
    assert (flags.namespace, flags.scale_down_unneeded_time) == ("tools", 60)
    assert flags.expander == ["priority", "least-waste"]
