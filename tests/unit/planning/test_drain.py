"""Drains: they fit the notice of a node, or are refused with the arithmetic."""

from math import ceil
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from planning.drain import DoesNotFit, Notice, Pods, drain

SPOT = Notice(seconds=120, reaction_seconds=15)


def some_pods(**values: Any) -> Pods:
    sound: dict[str, Any] = {
        "longest_request_seconds": 10,
        "connection_age_seconds": 30,
        "propagation_seconds": 5,
        "replicas": (20, 60),
        "on_one_node": 3,
    }
    return Pods(**{**sound, **values})


def test_a_pod_serves_until_nobody_can_be_asking_it_any_more():
    found = drain(SPOT, some_pods())

    assert found.pre_stop_seconds == 5 + 30 + 10
    assert found.grace_seconds == 50
    assert found.deregistration_seconds == 10
    assert found.max_unavailable == "25%"


@pytest.mark.parametrize(
    ("pods", "share"),
    [
        ({"replicas": (3, 3), "on_one_node": 3, "longest_request_seconds": 60}, "67%"),
        ({"replicas": (3, 3), "on_one_node": 3}, "34%"),
        ({"replicas": (2, 9), "on_one_node": 1, "longest_request_seconds": 60}, "25%"),
        ({"replicas": (1, 2), "on_one_node": 2, "longest_request_seconds": 60}, "51%"),
    ],
)
def test_more_pods_may_be_missing_where_there_is_less_time(pods, share):
    assert drain(SPOT, some_pods(**pods)).max_unavailable == share


def test_a_share_that_is_given_stays():
    assert drain(SPOT, some_pods(max_unavailable="30%")).max_unavailable == "30%"
    assert drain(SPOT, some_pods(max_unavailable=2)).max_unavailable == 2


def test_a_pod_that_takes_longer_than_the_notice_is_refused_with_the_arithmetic():
    with pytest.raises(DoesNotFit) as refusal:
        drain(SPOT, some_pods(longest_request_seconds=66))

    assert str(refusal.value) == (
        "a pod takes 106 s to end = 5 (propagation) + 30 (the age of a gRPC connection) + "
        "66 (the longest request) + 5, and of the 120 s that a node gives notice 15 pass until "
        "its pods are told, 105 are left"
    )


def test_the_longest_that_fits_is_taken():
    assert drain(SPOT, some_pods(longest_request_seconds=65)).grace_seconds == 105


def test_a_budget_that_takes_too_many_batches_is_refused_with_the_arithmetic():
    with pytest.raises(DoesNotFit) as refusal:
        drain(SPOT, some_pods(max_unavailable=1))

    assert str(refusal.value).startswith(
        "with max_unavailable 1 the 3 pods that one node may have leave it in 3 batches; a pod "
        "takes 50 s to end = "
    )


def taken_at_worst(pods: Pods, found: Any) -> int:
    """Return how long the pods of one node take to leave it, evicted as the budget lets them."""
    longest = 0
    for count in range(pods.replicas[0], pods.replicas[1] + 1):
        left, seconds = min(count, pods.on_one_node), 0
        allowed = found.max_unavailable
        if isinstance(allowed, str):
            allowed = ceil(count * int(allowed[:-1]) / 100)
        while left > 0:
            left -= allowed
            seconds += found.grace_seconds
        longest = max(longest, seconds)
    return longest


seconds = st.integers(1, 200)
shares = st.integers(1, 100).map(lambda share: f"{share}%")
notices = st.builds(Notice, seconds=st.integers(1, 700), reaction_seconds=st.integers(0, 60))
pods_of_any_kind = st.builds(
    Pods,
    longest_request_seconds=seconds,
    connection_age_seconds=seconds,
    propagation_seconds=st.integers(0, 30),
    replicas=st.tuples(st.integers(1, 40), st.integers(0, 40)).map(lambda n: (n[0], sum(n))),
    on_one_node=st.integers(1, 60),
    max_unavailable=st.none() | st.integers(1, 50) | shares,
)
# Five pods of six leave in more batches than six do.
uneven = some_pods(replicas=(2, 6), on_one_node=6, longest_request_seconds=1, max_unavailable="34%")


@given(notice=notices, pods=pods_of_any_kind)
@example(notice=SPOT, pods=uneven)
def test_a_drain_fits_the_notice_or_is_refused(notice, pods):
    try:
        found = drain(notice, pods)
    except DoesNotFit:
        parts = (pods.longest_request_seconds, pods.connection_age_seconds)
        least = notice.reaction_seconds + sum(parts) + pods.propagation_seconds
        assert pods.max_unavailable is not None or least + 5 > notice.seconds
        return
    assert notice.reaction_seconds + taken_at_worst(pods, found) <= notice.seconds
    assert found.pre_stop_seconds < found.grace_seconds
    assert found.pre_stop_seconds >= pods.propagation_seconds + found.deregistration_seconds
