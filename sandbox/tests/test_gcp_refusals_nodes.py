"""What GKE would refuse of pools and their machines, and what nodes of the sandbox cannot be."""

import pytest

from sandbox.tests.gcp_inputs import NODE_POOL, refusals

PLAIN = {"machineType": "n1-standard-4"}
TAINT = {"key": "only", "value": "this", "effect": "NO_SCHEDULE"}


@pytest.mark.parametrize(
    "machine_type",
    [
        "n1-standard-3",
        "n1-standard-4000",
        "zz-standard-4",
        "e2-micro-9",
        "e2-highmem-32",
        "n1-standard-4-lssd",
        "zz-custom-4-4096",
        "n2-custom-3-4096",
        "n2-custom-4-4097",
        "n2-custom-0-4096",
        "a3-highgpu-8g",
        "g2-standard-4",
    ],
)
def test_a_machine_type_that_the_sandbox_does_not_know_is_refused(machine_type):
    (reason,) = refusals(NODE_POOL, nodeConfig={"machineType": machine_type}).values()

    assert reason.startswith("must be a machine type that the sandbox knows, and none with GPUs")
    assert repr(machine_type) in reason


@pytest.mark.parametrize("machine_type", ["c3-standard-4-lssd", "c4a-standard-4", "custom-1-1024"])
def test_one_that_it_knows_is_taken(machine_type):
    assert refusals(NODE_POOL, nodeConfig={"machineType": machine_type}) == {}


@pytest.mark.parametrize(
    ("config", "place", "reason"),
    [
        (PLAIN | {"minCpuPlatform": "Pentium"}, "minCpuPlatform", "Intel Skylake"),
        ({"minCpuPlatform": "Intel Skylake"}, "minCpuPlatform", "must be left out: e2"),
        ({"machineType": "n4-standard-4", "diskType": "pd-balanced"}, "diskType", "hyperdisk-bal"),
        (PLAIN | {"diskType": "hyperdisk-extreme"}, "diskType", "'hyperdisk-extreme' is none of"),
        (
            PLAIN | {"guestAccelerators": [{"type": "nvidia-l4", "count": -1}]},
            "guestAccelerators[0]",
            "nodes of the sandbox have no GPUs",
        ),
        (PLAIN | {"localSsdCount": -1}, "localSsdCount", "must be 0 to 24, got -1"),
        (
            PLAIN | {"ephemeralStorageLocalSsdConfig": {"localSsdCount": -1}},
            "ephemeralStorageLocalSsdConfig.localSsdCount",
            "must be 0 to 24",
        ),
        (
            PLAIN | {"localNvmeSsdBlockConfig": {"localSsdCount": -1}},
            "localNvmeSsdBlockConfig.localSsdCount",
            "must be 0 to 24",
        ),
        (PLAIN | {"tags": ["UPPER_x"]}, "tags[0]", "got 'UPPER_x'"),
        (
            PLAIN | {"advancedMachineFeatures": {"threadsPerCore": 7}},
            "advancedMachineFeatures.threadsPerCore",
            "must be 1 to 2, got 7",
        ),
        (PLAIN | {"oauthScopes": ["bogus"]}, "oauthScopes[0]", "got 'bogus'"),
        (
            PLAIN | {"labels": {"kubernetes.io/hostname": "me"}},
            "labels.kubernetes.io/hostname",
            "is reserved: GKE sets it",
        ),
        (
            PLAIN | {"labels": {"cloud.google.com/gke-nodepool": "me"}},
            "labels.cloud.google.com/gke-nodepool",
            "is reserved: GKE sets it",
        ),
        (
            PLAIN | {"taints": [TAINT, {**TAINT, "value": "other"}]},
            "taints",
            "must be different, got only with NO_SCHEDULE 2 times",
        ),
        (
            PLAIN | {"sandboxConfig": {"sandboxType": "gVisor"}},
            "sandboxConfig.sandboxType",
            "none of gvisor",
        ),
        (
            PLAIN | {"kubeletConfig": {"insecureKubeletReadonlyPortEnabled": "false"}},
            "kubeletConfig.insecureKubeletReadonlyPortEnabled",
            "'false' is none of TRUE, FALSE",
        ),
        (
            PLAIN | {"hostMaintenancePolicy": {"maintenanceInterval": "DAILY"}},
            "hostMaintenancePolicy.maintenanceInterval",
            "'DAILY' is none of",
        ),
    ],
)
def test_what_no_node_could_have_is_refused_where_it_is(config, place, reason):
    assert reason in refusals(NODE_POOL, nodeConfig=config)[f"nodeConfig.{place}"]


@pytest.mark.parametrize(
    "config",
    [
        PLAIN | {"minCpuPlatform": "Intel Skylake", "localSsdCount": 24},
        PLAIN | {"oauthScopes": ["storage-ro", "logging-write"], "guestAccelerators": []},
        PLAIN | {"taints": [TAINT, {**TAINT, "effect": "NO_EXECUTE"}], "tags": ["serving"]},
        {"machineType": "n4-standard-4", "diskType": "hyperdisk-balanced"},
        {"diskType": "pd-standard"},
    ],
)
def test_what_nodes_may_have_is_taken(config):
    assert refusals(NODE_POOL, nodeConfig=config) == {}


@pytest.mark.parametrize(
    ("change", "place", "reason"),
    [
        ({"upgradeSettings": {"maxSurge": 0}}, "upgradeSettings.maxSurge", "got 0 and 0"),
        ({"upgradeSettings": {"maxSurge": 25}}, "upgradeSettings.maxSurge", "got 25 and 0"),
        (
            {"upgradeSettings": {"maxSurge": -5, "maxUnavailable": 6}},
            "upgradeSettings.maxSurge",
            "got -5 and 6",
        ),
        (
            {"upgradeSettings": {"strategy": "BLUE_GREEN", "maxUnavailable": 0}},
            "upgradeSettings.maxSurge",
            "only with strategy SURGE",
        ),
        ({"name": "web", "namePrefix": "web-"}, "name", "only one of name, namePrefix"),
        ({"namePrefix": "Web-"}, "namePrefix", "must match"),
        ({"version": "newest"}, "version", "must match"),
        ({"nodeLocations": ["us-central1-z"]}, "nodeLocations[0]", "is no zone"),
        ({"cluster": ""}, "cluster", "must match"),
        ({"cluster": "projects/p/clusters/c"}, "cluster", "must match"),
        ({"deletionPolicy": "KEEP"}, "deletionPolicy", "none of ABANDON, DELETE, PREVENT"),
        (
            {"networkConfig": {"podIpv4CidrBlock": "nonsense"}},
            "networkConfig.podIpv4CidrBlock",
            "must be an IPv4 network",
        ),
        (
            {"networkConfig": {"podIpv4CidrBlock": "/99"}},
            "networkConfig.podIpv4CidrBlock",
            "must be a /28 to /8, got /99",
        ),
        (
            {"networkConfig": {"podIpv4CidrBlock": "10.0.0.0/30"}},
            "networkConfig.podIpv4CidrBlock",
            "must be a /28 to /8, got 10.0.0.0/30",
        ),
    ],
)
def test_what_no_pool_could_be_is_refused_where_it_is(change, place, reason):
    assert reason in refusals(NODE_POOL, **change)[place]


@pytest.mark.parametrize(
    ("rollout", "place", "reason"),
    [
        ({"batchPercentage": 3.0}, "batchPercentage", "must be 0 to 1, got 3"),
        ({"batchNodeCount": -1}, "batchNodeCount", "must be 0 to"),
        ({"batchPercentage": 0.5, "batchNodeCount": 1}, "batchPercentage", "only one of"),
    ],
)
def test_what_no_rollout_could_be_is_refused_where_it_is(rollout, place, reason):
    settings = {
        "strategy": "BLUE_GREEN",
        "blueGreenSettings": {"standardRolloutPolicy": rollout},
    }

    found = refusals(NODE_POOL, upgradeSettings=settings)

    at = f"upgradeSettings.blueGreenSettings.standardRolloutPolicy.{place}"
    assert reason in found[at]


@pytest.mark.parametrize(
    "change",
    [
        {"upgradeSettings": {"maxUnavailable": 1}},
        {"upgradeSettings": {}},
        {"version": "1.33.2-gke.100"},
        {"deletionPolicy": "ABANDON"},
        {"networkConfig": {"podIpv4CidrBlock": "/14"}},
        {"networkConfig": {"podIpv4CidrBlock": ""}},
        {"networkConfig": {"podIpv4CidrBlock": "10.96.0.0/14"}},
    ],
)
def test_what_a_pool_may_be_is_taken(change):
    assert refusals(NODE_POOL, **change) == {}
