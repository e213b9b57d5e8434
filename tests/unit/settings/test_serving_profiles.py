"""Serving profiles: one key chooses machines, replicas, threads and batches."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import settings
from planning.capacity import gke_allocatable
from planning.machine_types import machine_type
from settings.daemon_sets import GkeDaemonSetRequests
from settings.gke import GkeSettings
from settings.servers import requested
from settings.serving_profiles import serving_profiles, with_profile
from tests.unit.stack_files import MODELS, PLATFORM, ROOT, config_of, configure, faults_of, put

PROFILE = "tfserving:serving_profile"
NAME = "cpu-8c-16r"
POOL = f"{PLATFORM}.pools.{NAME}"
MODEL = f"{MODELS}.tfs-server"

profiles = pytest.mark.parametrize(
    "profile", serving_profiles().values(), ids=lambda each: each.name
)


def tuned(**changes: Any) -> dict[str, Any]:
    return {**config_of(ROOT / "Pulumi.gke-tuned.yaml"), **changes}


def loaded(config: dict[str, Any]) -> tuple[GkeSettings, settings.ModelSettings]:
    configure(config)
    found = settings.load()
    assert isinstance(found.platform, GkeSettings)
    return found.platform, found.models["tfs-server"]


def test_there_is_one_for_each_row_of_the_matrix():
    shapes = [(8, 2, 4), (4, 4, 8), (2, 8, 16), (2, 8, 64)]
    names = [f"{n}n-{c}c-{r}r-interop{ops}" for n, c, r in shapes for ops in (2, 4, 8)]
    batched = [f"2n-8c-64r-interop{ops}-batch" for ops in (2, 4, 8)]

    assert [*serving_profiles()] == [*names, *batched, "2n-8c-16r-interop2-batch"]


@profiles
def test_its_name_says_what_it_is(profile):
    assert profile.name == (
        f"{profile.replicas}n-{profile.vcpus}c-{profile.memory_gib}r-interop{profile.inter_op}"
        f"{'-batch' if profile.batching else ''}"
    )
    assert profile.intra_op == profile.vcpus
    assert profile.replicas * profile.vcpus == 16


@profiles
def test_its_machine_is_one_that_there_is_of_its_size(profile):
    platform, _ = loaded(tuned(**{PROFILE: profile.name}))
    machine = machine_type(platform.pools[profile.pool_name].machine_type)

    assert machine is not None
    assert (machine.vcpus, machine.memory_mib) == (profile.vcpus, profile.memory_gib * 1024)


@profiles
def test_one_pod_fits_on_a_node_beside_its_agents_and_no_second_one(profile):
    platform, model = loaded(tuned(**{PROFILE: profile.name}))
    machine = machine_type(platform.pools[profile.pool_name].machine_type)
    assert machine is not None
    agents = requested(platform.daemon_sets, platform.daemon_sets.pods)

    assert gke_allocatable(machine).without(agents).holds(requested(model.requests)) == 1
    assert model.limits.memory == model.requests.memory


@profiles
def test_a_rollout_has_room_for_all_pods_a_second_time(profile):
    platform, model = loaded(tuned(**{PROFILE: profile.name}))
    (pool,) = platform.pools.values()
    nodes = pool.nodes_in_total
    assert nodes is not None

    assert (nodes.minimum, nodes.initial) == (profile.replicas, profile.replicas)
    assert nodes.maximum == 2 * profile.replicas
    assert {*vars(model.replicas).values()} == {profile.replicas}


@given(cpu=st.integers(0, 900), memory=st.integers(0, 1500))
def test_whatever_the_agents_take_a_pod_asks_for_less_than_is_left_but_not_much(cpu, memory):
    agents = GkeDaemonSetRequests(cpu=f"{cpu}m", memory=f"{memory}Mi")
    for profile in serving_profiles().values():
        machine = machine_type(str(profile.pool["machine_type"]))
        assert machine is not None
        left = gke_allocatable(machine).without(requested(agents, agents.pods))
        asked = profile.requests(agents)

        assert 0 <= left.millicores - asked.millicores < 100
        assert 0 <= left.memory_mib - asked.memory_mib < 256


def test_what_a_file_says_itself_is_left(cloud):
    config = tuned()
    limits = {"minimum": 1, "initial": 2, "maximum": 5}
    put(config, POOL, {"machine_type": "c3-highcpu-8", "nodes_per_zone": limits})
    put(config, f"{MODEL}.threads", {"inter_op": 3})
    put(config, f"{MODEL}.replicas", {"minimum": 1, "initial": 1, "maximum": 4})
    platform, model = loaded(config)

    pool = platform.pools[NAME]
    assert pool.machine_type == "c3-highcpu-8"
    assert pool.nodes_in_total is None
    assert pool.most_nodes(1) == 5
    assert model.threads.inter_op == 3
    assert model.replicas.maximum == 4
    assert model.requests.cpu == "7000m"


def test_one_that_does_not_exist_is_refused_with_those_that_do(cloud):
    (fault,) = faults_of(tuned(**{PROFILE: "2n-8c-16r-interop3"}))

    assert fault.startswith(f"{PROFILE}: must be one of 8n-2c-4r-interop2, ")
    assert all(name in fault for name in serving_profiles())
    assert "; 2n-8c-16r-interop" in fault
    assert fault.endswith('; got "2n-8c-16r-interop3"')


@pytest.mark.parametrize("given", [4, ["2n-8c-16r-interop4"], {"a": 1}])
def test_what_is_no_name_at_all_is_refused_too(cloud, given):
    (fault,) = faults_of(tuned(**{PROFILE: given}))

    assert fault.startswith(f"{PROFILE}: must be one of ")


def test_without_it_what_it_gave_is_missing(cloud):
    config = tuned()
    del config[PROFILE]

    assert {fault.split(": ")[0] for fault in faults_of(config)} == {
        f"{PLATFORM}.pools",
        f"{MODEL}.replicas",
        f"{MODEL}.requests",
        f"{MODEL}.limits",
    }


def test_it_is_about_machines_of_gke(cloud):
    config = {**config_of(), PROFILE: "2n-8c-16r-interop4"}

    assert faults_of(config) == [
        f"{PROFILE}: must come with tfserving:platform.kind: gke, whose machines it is about; got "
        '"2n-8c-16r-interop4"'
    ]


@pytest.mark.parametrize("section", ["pools", 3, [], {NAME: "b"}])
def test_sections_that_are_none_are_left_to_those_who_judge_them(section):
    platform = {"kind": "gke", "pools": section}

    filled, models = with_profile("2n-8c-16r-interop4", platform, section)

    assert (filled, models) == (platform, section)


@pytest.mark.parametrize("pools", [None, {}, {"other": {"kind": "on_demand"}}])
def test_it_brings_a_pool_beside_those_of_the_file(pools):
    platform = {"kind": "gke", "pools": pools}

    filled, _ = with_profile("2n-8c-16r-interop4", platform, {})

    assert [*filled["pools"]] == [*(pools or {}), NAME]


def test_pods_go_to_nodes_of_the_profiles_size_only(cloud):
    platform, model = loaded(tuned())

    assert model.node_selector == platform.pools[NAME].labels == {"serving-shape": "8c-16r"}


def test_profiles_of_one_size_share_a_pool_and_others_do_not():
    pools = {each.name: each.pool_name for each in serving_profiles().values()}

    assert pools["2n-8c-16r-interop2-batch"] == pools["2n-8c-16r-interop4"] == NAME
    assert len({*pools.values()}) == 4


def test_agents_that_are_wrong_in_themselves_are_the_only_fault(cloud):
    config = tuned()
    put(config, f"{PLATFORM}.daemon_sets", {"cpu": "much"})

    assert [fault.split(": ")[0] for fault in faults_of(config)] == [f"{PLATFORM}.daemon_sets.cpu"]
