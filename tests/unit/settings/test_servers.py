"""What servers ask of their nodes: time to leave, threads, a lifecycle."""

import pytest

import settings
from components.kubernetes.pod import Lifecycle
from planning.drain import Notice
from settings.eks_pools import planned_pools
from settings.servers import EKS_NOTICE, model_drain, model_lifecycle
from tests.unit.stack_files import MODELS, PLATFORM, ROOT, config_of, configure, faults_of, put

POOL = f"{PLATFORM}.pools.4vcpu-16gb"
MODEL = f"{MODELS}.half-plus-two"
EXPOSED = {"scope": "internal"}


def load(config):
    configure(config)
    return settings.load()


def drain_of(config, model="half-plus-two", notice=EKS_NOTICE):
    loaded = load(config)
    return model_drain(loaded.models[model], notice, planned_pools(loaded.platform).values())


def test_a_pod_behind_a_load_balancer_stays_longer(cloud):
    config = config_of()
    put(config, f"{MODEL}.longest_request_seconds", 7)
    put(config, f"{MODEL}.grpc_connection_age_seconds", 20)
    before = drain_of(config)
    put(config, f"{MODEL}.expose", EXPOSED)

    assert before.pre_stop_seconds == 5 + 20 + 7
    assert drain_of(config).pre_stop_seconds == 15 + 20 + 7


def test_the_budget_knows_how_many_pods_a_node_has_room_for(cloud):
    config = config_of(ROOT / "Pulumi.prod.yaml")
    put(config, f"{MODELS}.resnet.longest_request_seconds", 55)
    put(config, f"{MODELS}.resnet.replicas", {"minimum": 4, "initial": 4, "maximum": 60})

    # Three pods share a node of 8 vCPUs, and all must leave it at once.
    assert drain_of(config, "resnet").max_unavailable == "51%"


def test_a_model_has_no_more_pods_on_a_node_than_it_has_replicas(cloud):
    config = config_of(ROOT / "Pulumi.prod.yaml")
    put(config, f"{MODELS}.resnet.longest_request_seconds", 55)
    put(config, f"{MODELS}.resnet.replicas", {"minimum": 1, "initial": 1, "maximum": 1})

    assert drain_of(config, "resnet").max_unavailable == "25%"


def test_a_drain_longer_than_the_notice_is_refused(cloud):
    config = config_of()
    put(config, f"{MODEL}.grpc_connection_age_seconds", 30)
    put(config, f"{MODEL}.longest_request_seconds", 66)

    assert faults_of(config) == [
        f"{MODEL}.longest_request_seconds: must let a pod end within its node's notice: a pod "
        "takes 106 s to end = 5 (propagation) + 30 (the age of a gRPC connection) + 66 (the "
        "longest request) + 5, and of the 120 s that a node gives notice 15 pass until its pods "
        "are told, 105 are left; got 66"
    ]


def test_the_longest_drain_that_fits_is_taken(cloud):
    config = config_of()
    put(config, f"{MODEL}.grpc_connection_age_seconds", 30)
    put(config, f"{MODEL}.longest_request_seconds", 65)

    load(config)


def test_a_budget_that_blocks_every_drain_is_refused(cloud):
    config = config_of()
    put(config, f"{MODEL}.max_unavailable", 0)

    assert faults_of(config) == [
        f"{MODEL}.max_unavailable: must be at least 1, or a share from 1% to 100%: with none no "
        "node is drained; got 0"
    ]


def test_a_budget_that_takes_longer_than_the_notice_is_refused(cloud):
    config = config_of(ROOT / "Pulumi.prod.yaml")
    put(config, f"{MODELS}.resnet.max_unavailable", 1)
    put(config, f"{MODELS}.resnet.longest_request_seconds", 20)

    (fault,) = faults_of(config)
    assert "with max_unavailable 1 the 3 pods that one node may have leave it in 3 batches" in fault


def test_nodes_that_nobody_takes_away_give_more_time(cloud):
    config = config_of()
    put(config, f"{MODEL}.longest_request_seconds", 300)
    pool = {
        "kind": "on_demand",
        "instance_types": ["m5.xlarge"],
        "nodes": {"minimum": 1, "initial": 1, "maximum": 3},
        "labels": {"intent": "slow"},
    }
    put(config, f"{PLATFORM}.pools.slow", pool)
    put(config, f"{MODEL}.node_selector", {"intent": "slow"})

    assert drain_of(config).grace_seconds > EKS_NOTICE.seconds


def test_of_nodes_that_nobody_knows_one_may_have_all_pods(cloud):
    config = config_of()
    put(config, f"{MODEL}.longest_request_seconds", 65)
    put(config, f"{MODEL}.grpc_connection_age_seconds", 30)
    model = load(config).models["half-plus-two"]

    assert model_drain(model, Notice(seconds=120, reaction_seconds=15), []).max_unavailable == "67%"


@pytest.mark.parametrize("field", ["intra_op", "inter_op"])
def test_more_threads_than_a_node_has_vcpus_are_refused(cloud, field):
    config = config_of()
    put(config, f"{MODEL}.threads", {field: 5})

    assert faults_of(config) == [
        f"{MODEL}.threads.{field}: must be at most 4, the vCPUs of a node of 4vcpu-16gb, or come "
        "with allow_oversubscription: true; got 5"
    ]


def test_as_many_threads_as_vcpus_are_taken(cloud):
    config = config_of()
    put(config, f"{MODEL}.threads", {"intra_op": 4, "inter_op": 4})

    load(config)


def test_the_smallest_node_counts_of_those_that_a_model_may_run_on(cloud):
    config = config_of(ROOT / "Pulumi.prod.yaml")
    put(config, f"{MODELS}.resnet.threads", {"intra_op": 8})

    (fault,) = faults_of(config)
    assert "must be at most 4, the vCPUs of a node of prod-4vcpu-16gb-spot, or" in fault


FALLBACK = {"nodes": {"minimum": 0, "initial": 0, "maximum": 2}}
SPOT = Lifecycle(value="Ec2Spot", required=True)


def lifecycle_of(config):
    loaded = load(config)
    pools = planned_pools(loaded.platform).values()
    return model_lifecycle(loaded.models["half-plus-two"], pools)


def test_the_lifecycle_of_spot_nodes_is_required(cloud):
    assert lifecycle_of(config_of()) == SPOT


def test_with_a_fallback_it_is_preferred(cloud):
    config = config_of()
    put(config, f"{POOL}.fallback", FALLBACK)

    assert lifecycle_of(config) == Lifecycle(value="Ec2Spot", required=False)


def test_a_fallback_that_the_selector_excludes_is_none(cloud):
    config = config_of()
    put(config, f"{MODEL}.node_selector", {"intent": "apps", "lifecycle": "Ec2Spot"})
    put(config, f"{POOL}.fallback", FALLBACK)

    assert lifecycle_of(config) == SPOT


@pytest.mark.parametrize("labels", [{"intent": "apps"}, {"intent": "apps", "lifecycle": "Other"}])
def test_spot_nodes_of_no_lifecycle_or_of_two_do_not_decide(cloud, labels):
    config = config_of()
    put(config, f"{PLATFORM}.pools.other", {**config[PLATFORM]["pools"]["4vcpu-16gb"]})
    put(config, f"{PLATFORM}.pools.other.labels", labels)

    assert lifecycle_of(config) is None


def test_on_demand_nodes_have_no_lifecycle_to_keep_to(cloud):
    config = config_of()
    put(config, f"{MODEL}.node_selector", {"intent": "control-apps"})
    put(config, f"{MODEL}.allow_unplaceable_replicas", True)

    assert lifecycle_of(config) is None


def test_with_a_fallback_more_replicas_find_room(cloud):
    config = config_of()
    put(config, f"{MODEL}.replicas.maximum", 5)
    put(config, f"{POOL}.fallback", FALLBACK)

    load(config)
