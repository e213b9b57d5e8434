"""One run of the loop with the times of `dev` and of AWS, which no test shortened."""

import time

import pytest

from sandbox.kubernetes_api import Object
from sandbox.load import Load, is_ready
from sandbox.nodes.groups import groups
from sandbox.nodes.interruption import NOTICE_SECONDS, interrupt
from sandbox.providers.aws.account import Account
from tests.sandbox.conftest import Environment, until

MODEL = "half-plus-two"
UNNEEDED_SECONDS = 120
"""`scale_down.unneeded_time` of the file."""


@pytest.mark.slow
def test_pods_move_within_the_notice_and_nodes_go_back_in_their_time(
    dev: Environment, account: Account
):
    def ready() -> list[Object]:
        return [pod for pod in dev.pods(MODEL) if is_ready(pod)]

    def nodes() -> set[str]:
        return {node["metadata"]["name"] for node in dev.nodes(intent="apps")}

    load = Load(dev.layout, dev.stack)
    load.offer(MODEL, 2)
    assert until(lambda: len(ready()) == 2)
    interrupted = ready()[0]
    node, grace = (
        interrupted["spec"]["nodeName"],
        interrupted["spec"]["terminationGracePeriodSeconds"],
    )

    assert interrupt(account, dev.api, node, NOTICE_SECONDS)
    noticed = time.monotonic()
    names = {interrupted["metadata"]["name"]}
    assert until(lambda: not names & {p["metadata"]["name"] for p in dev.pods(MODEL)}, 110)
    assert time.monotonic() - noticed >= grace
    # A third node came for the pod, since one node has no room for two.
    assert until(lambda: len(ready()) == 2)
    assert node in nodes()
    assert time.monotonic() - noticed < NOTICE_SECONDS

    assert until(lambda: node not in nodes(), NOTICE_SECONDS)
    assert time.monotonic() - noticed >= NOTICE_SECONDS

    load.offer(MODEL, 0)
    left = time.monotonic()
    assert until(lambda: len(dev.pods(MODEL)) == 1, 120)
    assert until(lambda: len(nodes()) == 1, 2 * UNNEEDED_SECONDS + 120)
    assert time.monotonic() - left >= UNNEEDED_SECONDS
    (spot,) = [group for group in groups(account, dev.api.server) if group.has_spot]
    assert spot.desired == 1
