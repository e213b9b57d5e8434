"""Whether a pod finds room on a node, and how many nodes several pods need."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.cluster_autoscaler.placement import Space, amounts, move, pack, requests
from sandbox.tests.scaled_cluster import node, pod

GPU = {"key": "gpu", "value": "true", "effect": "NoSchedule"}
SELECTS = "requiredDuringSchedulingIgnoredDuringExecution"


def space(*pods: dict, taints: tuple[dict, ...] = (), labels: dict | None = None) -> Space:
    whole = {"cpu": "4", "memory": "8Gi", "pods": "4"}
    return Space.of(node("n", labels or {"pool": "web"}, taints, **whole), pods)


def affine(*terms: list[dict]) -> dict:
    selector = {"nodeSelectorTerms": [{"matchExpressions": term} for term in terms]}
    return pod("p", affinity={"nodeAffinity": {SELECTS: selector}})


def expression(key: str, operator: str, *values: str) -> dict:
    return {"key": key, "operator": operator, **({"values": [*values]} if values else {})}


def test_what_is_free_is_what_the_pods_that_are_there_leave():
    left = space(pod("a", "500m", "1Gi"), pod("b", "1500m", "3Gi"))

    assert left.free["cpu"] == 2
    assert left.free["memory"] == 4 * 2**30
    assert left.free["pods"] == 2
    assert left.used == {"cpu": 0.5, "memory": 0.5}


def test_a_node_that_somebody_else_made_and_that_has_nothing_takes_no_pods():
    bare = Space.of({"metadata": {"name": "n"}, "spec": {}, "status": {}}, [])

    assert not bare.admits(pod("p"))
    assert bare.used == {"cpu": 1, "memory": 1}


def test_a_pod_that_is_taken_takes_room_and_one_that_is_not_takes_none():
    left = space()

    assert left.takes(pod("a", "3"))
    assert not left.takes(pod("b", "2"))
    assert left.free["cpu"] == 1
    assert left.takes(pod("c", "1"))


@pytest.mark.parametrize(
    ("change", "admitted"),
    [
        ({"cpu": "4", "memory": "8Gi"}, True),
        ({"cpu": "4001m"}, False),
        ({"memory": "8193Mi"}, False),
        ({"nodeSelector": {"pool": "web"}}, True),
        ({"nodeSelector": {"pool": "other"}}, False),
        ({"nodeSelector": {"pool": "web", "zone": "a"}}, False),
    ],
)
def test_requests_and_selector_decide(change, admitted):
    assert space().admits(pod("p", **change)) is admitted


def test_no_more_pods_fit_than_the_kubelet_takes():
    small = [pod(str(number), "1m", "1Mi") for number in range(4)]

    assert space(*small[:3]).admits(small[3])
    assert not space(*small).admits(pod("fifth", "1m", "1Mi"))


def test_a_resource_that_the_node_lacks_is_not_found_on_it():
    asked = {"resources": {"requests": {"nvidia.com/gpu": "1"}}}
    none = {"resources": {"requests": {"nvidia.com/gpu": "0"}}}

    assert not space().admits(pod("p", containers=[asked]))
    assert space().admits(pod("p", containers=[none]))


def test_who_asks_for_nothing_fits_where_there_is_less_than_nothing():
    overdrawn = space(pod("huge", "1", "9Gi"))

    assert overdrawn.admits(pod("p", "1", "0"))
    assert not overdrawn.admits(pod("p", "1", "1"))


@pytest.mark.parametrize(
    ("toleration", "admitted"),
    [
        (None, False),
        ({"key": "gpu", "operator": "Exists"}, True),
        ({"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}, True),
        ({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"operator": "Exists"}, True),
        ({"key": "gpu", "value": "true"}, True),
        ({"key": "gpu", "operator": "Equal", "value": "true", "effect": ""}, True),
        ({"key": "gpu", "value": "false"}, False),
        ({"key": "other", "operator": "Exists"}, False),
    ],
)
def test_a_taint_keeps_out_who_does_not_tolerate_it(toleration, admitted):
    tolerations = [toleration] if toleration else []

    assert space(taints=(GPU,)).admits(pod("p", tolerations=tolerations)) is admitted


@pytest.mark.parametrize(
    ("effect", "admitted"),
    [("NoSchedule", False), ("NoExecute", False), ("PreferNoSchedule", True)],
)
def test_a_taint_that_only_prefers_keeps_nobody_out(effect, admitted):
    assert space(taints=({**GPU, "effect": effect},)).admits(pod("p")) is admitted


def test_each_taint_has_to_be_tolerated():
    bare = {"key": "bare", "effect": "NoSchedule"}
    both = [{"key": "gpu", "operator": "Exists"}, {"key": "bare", "operator": "Exists"}]
    tainted = space(taints=(GPU, bare))

    assert not tainted.admits(pod("p", tolerations=both[:1]))
    assert tainted.admits(pod("p", tolerations=both))


@pytest.mark.parametrize(
    ("expressions", "admitted"),
    [
        ([expression("pool", "In", "web", "gpu")], True),
        ([expression("pool", "In", "gpu")], False),
        ([expression("pool", "NotIn", "gpu")], True),
        ([expression("pool", "NotIn", "web")], False),
        ([expression("zone", "NotIn", "a")], True),
        ([expression("pool", "Exists")], True),
        ([expression("zone", "Exists")], False),
        ([expression("zone", "DoesNotExist")], True),
        ([expression("pool", "DoesNotExist")], False),
        ([expression("cores", "Gt", "4")], True),
        ([expression("cores", "Gt", "8")], False),
        ([expression("cores", "Lt", "16")], True),
        ([expression("cores", "Lt", "8")], False),
        ([expression("zone", "Gt", "1")], False),
        ([expression("pool", "Exists"), expression("zone", "Exists")], False),
    ],
)
def test_required_affinity_means_what_it_means_to_the_scheduler(expressions, admitted):
    labelled = space(labels={"pool": "web", "cores": "8"})

    assert labelled.admits(affine(expressions)) is admitted


def test_one_of_several_terms_of_an_affinity_is_enough():
    terms = [[expression("zone", "Exists")], [expression("pool", "Exists")]]

    assert space().admits(affine(*terms))
    assert not space().admits(affine(*terms[:1]))


def test_preferred_affinity_decides_nothing():
    term = {"matchExpressions": [expression("zone", "Exists")]}
    preferred = [{"weight": 1, "preference": term}]
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}

    assert space().admits(pod("p", affinity=affinity))


def test_a_pod_asks_for_its_containers_sum_or_an_init_containers_more():
    containers = [{"resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}, {"name": "bare"}, {}]
    containers[2] = {"resources": {"requests": {"cpu": "500m"}}}
    init = [{"resources": {"requests": {"cpu": "1", "memory": "3Gi"}}}]

    asked = requests(pod("p", containers=containers, initContainers=init))

    assert asked == {"cpu": 1.5, "memory": 3 * 2**30, "pods": 1}


@given(st.integers(1, 4000), st.integers(1, 40))
def test_a_node_takes_exactly_as_many_pods_as_fit(millicores: int, pods: int):
    whole = {"cpu": f"{millicores * pods}m", "memory": "1Ti", "pods": "1000"}
    left = Space.of(node("n", {}, [], **whole), [])

    taken = [left.takes(pod("p", f"{millicores}m")) for _ in range(pods + 1)]

    assert taken == [True] * pods + [False]


@given(st.lists(st.integers(1, 4000), max_size=30))
def test_packed_pods_fit_and_leave_no_node_empty(cores: list[int]):
    pods = [pod(str(index), f"{each}m", "1Mi") for index, each in enumerate(cores)]

    made, placed = pack(pods, 100, space)

    assert placed == len(pods)
    assert len(made) <= len(pods)
    assert all(each.free["cpu"] >= 0 and each.free["pods"] >= 0 for each in made)
    assert all(each.free["pods"] < each.whole["pods"] for each in made)
    assert sum(each.whole["pods"] - each.free["pods"] for each in made) == len(pods)


def test_large_pods_are_packed_first_so_that_fewer_nodes_do():
    pods = [pod(name, cores) for name, cores in [("a", "1"), ("b", "1"), ("c", "3"), ("d", "3")]]

    made, placed = pack(pods, 9, space)

    assert (len(made), placed) == (2, 4)


@pytest.mark.parametrize("most", [-1, 0, 1])
def test_no_more_nodes_are_packed_than_may_be(most):
    made, placed = pack([pod("a", "3"), pod("b", "3")], most, space)

    assert len(made) == placed == max(most, 0)


def test_a_pod_that_fits_no_new_node_is_left_and_makes_none():
    pods = [pod("large", "5"), pod("fits", "1"), pod("fat", "500m", "9Gi")]

    made, placed = pack(pods, 9, space)

    assert (len(made), placed) == (1, 1)


def test_pods_that_move_take_the_room_of_their_new_homes():
    room = {"a": space(), "b": space()}

    assert move([pod("p", "3"), pod("q", "3")], room) == {"a", "b"}
    assert [left.free["cpu"] for left in room.values()] == [1, 1]


def test_when_one_pod_finds_no_home_none_moves():
    room = {"a": space(), "b": space()}
    before = [left.free.copy() for left in room.values()]

    assert move([pod("p", "3"), pod("q", "3"), pod("r", "3")], room) is None
    assert [left.free for left in room.values()] == before


def test_a_node_without_pods_needs_no_home():
    assert move([], {}) == set()


def test_amounts_are_numbers_of_cores_bytes_and_things():
    assert amounts({"cpu": "250m", "memory": "1Ki", "nvidia.com/gpu": 2}) == {
        "cpu": 0.25,
        "memory": 1024,
        "nvidia.com/gpu": 2,
    }
