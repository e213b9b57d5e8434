"""How a pod leaves its node without losing a request, within the notice that the node gives.

TensorFlow Serving ignores SIGTERM, so a pod that is to end has to keep serving for as long as
requests may reach it, and is then killed. That is a hook that sleeps, and no more grace than it
needs:

- until load balancers and proxies send the pod no new connections (propagation),
- until each gRPC channel that is open has been asked to reconnect (connection age),
- until the longest request of those that came last has its answer.
"""

from dataclasses import dataclass
from math import ceil

_MARGIN_SECONDS = 5
_LEAST_SHARE = 25


@dataclass(frozen=True, kw_only=True)
class Notice:
    """How long a node says ahead that it goes, and how long it takes until pods are told."""

    seconds: int
    reaction_seconds: int


@dataclass(frozen=True, kw_only=True)
class Pods:
    """What of a model's pods matters to a drain."""

    longest_request_seconds: int
    connection_age_seconds: int
    propagation_seconds: int
    replicas: tuple[int, int]
    """The fewest and the most that there are."""
    on_one_node: int
    """As many as one node has room for."""
    max_unavailable: int | str | None = None
    """How many may be missing at once, as a number or a share, if that is given."""


@dataclass(frozen=True, kw_only=True)
class Drain:
    """What a Deployment, its PodDisruptionBudget and a load balancer are told."""

    deregistration_seconds: int
    pre_stop_seconds: int
    grace_seconds: int
    max_unavailable: int | str


class DoesNotFit(ValueError):  # noqa: N818 - the arithmetic is the message
    """A drain takes longer than the notice; the text is why."""


def drain(notice: Notice, pods: Pods) -> Drain:
    """Return a drain that ends within the notice, whichever node it is.

    Pods of one node that may not all be missing at once leave it in batches, each of which takes
    the whole grace period.

    Raises:
        DoesNotFit: there is none.
    """
    parts = {
        "propagation": pods.propagation_seconds,
        "the age of a gRPC connection": pods.connection_age_seconds,
        "the longest request": pods.longest_request_seconds,
    }
    pre_stop = sum(parts.values())
    grace = pre_stop + _MARGIN_SECONDS
    left = notice.seconds - notice.reaction_seconds
    sums = " + ".join(f"{seconds} ({name})" for name, seconds in parts.items())
    taken = f"a pod takes {grace} s to end = {sums} + {_MARGIN_SECONDS}"
    had = (
        f"of the {notice.seconds} s that a node gives notice {notice.reaction_seconds} pass until "
        f"its pods are told, {left} are left"
    )
    if left < grace:
        raise DoesNotFit(f"{taken}, and {had}")
    shares = [f"{share}%" for share in range(_LEAST_SHARE, 101)]
    choices = shares if pods.max_unavailable is None else [pods.max_unavailable]
    # With all of them at once there is one batch, so that a share is always found.
    allowed = next((each for each in choices if _batches(pods, each) * grace <= left), None)
    if allowed is None:
        raise DoesNotFit(
            f"with max_unavailable {choices[0]} the {pods.on_one_node} pods that one node may have "
            f"leave it in {_batches(pods, choices[0])} batches; {taken}, and {had}"
        )
    return Drain(
        deregistration_seconds=pods.longest_request_seconds,
        pre_stop_seconds=pre_stop,
        grace_seconds=grace,
        max_unavailable=allowed,
    )


def _batches(pods: Pods, allowed: int | str) -> int:
    """Return in how many batches the pods of one node leave it at worst, however many there are."""
    least, most = pods.replicas
    return max(
        ceil(min(count, pods.on_one_node) / _number(allowed, count))
        for count in range(least, most + 1)
    )


def _number(allowed: int | str, replicas: int) -> int:
    # Kubernetes rounds a share up.
    # https://kubernetes.io/docs/tasks/run-application/configure-pdb/#rounding-logic-when-specifying-percentages
    if isinstance(allowed, str):
        return ceil(replicas * int(allowed.removesuffix("%")) / 100)
    return allowed
