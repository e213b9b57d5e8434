"""The load that is offered to models, and how their pods share it."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import load
from sandbox.errors import WRONG_USAGE, SandboxError
from sandbox.load import Load


def pod(
    uid: str, limit: str | None = "4", *, model: str = "m", ready: bool = True, **extra
) -> dict:
    resources = {"limits": {"cpu": limit}} if limit else {}
    return {
        "metadata": {"uid": uid, "labels": {"app.kubernetes.io/instance": model}, **extra},
        "spec": {"containers": [{"name": "serving", "resources": resources}]},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def test_the_pods_of_a_model_share_its_load_alike():
    pods = [pod("a"), pod("b"), pod("c", model="other")]

    assert load.usage(pods, {"m": 3, "other": 1}) == {"a": 1.5, "b": 1.5, "c": 1}


def test_no_pod_uses_more_than_its_limit():
    pods = [pod("a", "500m"), pod("b", "4"), pod("c", "1e0")]

    assert load.usage(pods, {"m": 9}) == {"a": 0.5, "b": 3, "c": 1}


def test_a_pod_without_a_limit_takes_all_its_share():
    assert load.usage([pod("a", None)], {"m": 1000}) == {"a": 1000}


def test_a_pod_that_is_not_ready_or_ends_takes_no_load_from_the_others():
    ending = pod("c", deletionTimestamp="2026-01-01T00:00:00Z")

    assert load.usage([pod("a"), pod("b", ready=False), ending], {"m": 3}) == {
        "a": 3,
        "b": 0,
        "c": 0,
    }


def test_a_model_that_nothing_is_offered_uses_nothing():
    assert load.usage([pod("a")], {}) == {"a": 0}


@given(
    offered=st.floats(0, 1e6),
    limits=st.lists(st.integers(1, 64_000), min_size=1, max_size=20),
)
def test_what_is_served_is_neither_more_than_is_offered_nor_than_fits(offered, limits):
    used = load.usage([pod(str(n), f"{m}m") for n, m in enumerate(limits)], {"m": offered})

    served = sum(used.values())
    assert served <= offered * (1 + 1e-9)
    assert all(used[str(n)] <= m / 1000 for n, m in enumerate(limits))
    if len(set(limits)) == 1:
        assert served == pytest.approx(min(offered, sum(limits) / 1000))


@pytest.fixture
def offers(layout) -> Load:
    layout.cluster("dev").mkdir(parents=True)
    return Load(layout, "dev")


def test_a_load_stays_until_another_is_offered(offers, layout):
    assert offers.offered() == {}
    offers.offer("a", 8)
    offers.offer("b", 0.5)
    offers.offer("a", 0)

    assert Load(layout, "dev").offered() == {"a": 0, "b": 0.5}
    assert Load(layout, "prod").offered() == {}


def test_of_loads_that_are_offered_at_once_none_is_lost(layout, offers):
    with ThreadPoolExecutor(8) as pool:
        for each in [pool.submit(offers.offer, f"model-{n}", n) for n in range(40)]:
            each.result()

    held = json.loads((layout.cluster("dev") / "load.json").read_text())
    assert held == {f"model-{n}": n for n in range(40)}


@pytest.mark.parametrize("cores", [-1, -0.001, float("nan"), float("inf")])
def test_what_is_no_amount_of_load_is_refused(offers, cores):
    message = f"the load of m must be a number of cores, 0 or more; got {cores:g}"

    with pytest.raises(SandboxError, match=message) as refused:
        offers.offer("m", cores)

    assert refused.value.exit_code == WRONG_USAGE
    assert offers.offered() == {}
