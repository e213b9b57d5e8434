"""The flags of the Cluster Autoscaler that its stand-in heeds, with the real one's defaults.

https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md#what-are-the-parameters-to-ca
"""

import re
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_UNITS = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
_PART = r"(\d+(?:\.\d+)?)(h|ms|m|s)"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How the autoscaler decides; times are in seconds."""

    expander: Sequence[str]
    expendable_pods_priority_cutoff: int = -10
    initial_node_group_backoff_duration: float = 300.0
    """The real one doubles it with each failure in a row, to half an hour at most."""
    max_node_provision_time: float = 900.0
    scale_down_delay_after_add: float = 600.0
    scale_down_unneeded_time: float = 600.0
    scale_down_utilization_threshold: float = 0.5
    skip_nodes_with_local_storage: bool = True


@dataclass(frozen=True, kw_only=True)
class Flags(Rules):
    """What the autoscaler of a stack was told in its container's command."""

    root: Path
    stack: str
    region: str
    namespace: str
    tags: frozenset[str]
    """A group may be resized that has all of them."""


def parse(arguments: Sequence[str]) -> Flags:
    """Read them as a container's command has them; those that are not heeded are passed over."""
    parser = ArgumentParser(allow_abbrev=False)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--namespace", default="kube-system")
    parser.add_argument("--node-group-auto-discovery", dest="tags", type=_tags, required=True)
    parser.add_argument("--expander", type=lambda text: text.split(","), default=["least-waste"])
    parser.add_argument("--expendable-pods-priority-cutoff", type=int, default=SUPPRESS)
    parser.add_argument("--initial-node-group-backoff-duration", type=_seconds, default=SUPPRESS)
    parser.add_argument("--max-node-provision-time", type=_seconds, default=SUPPRESS)
    parser.add_argument("--scale-down-delay-after-add", type=_seconds, default=SUPPRESS)
    parser.add_argument("--scale-down-unneeded-time", type=_seconds, default=SUPPRESS)
    parser.add_argument("--scale-down-utilization-threshold", type=float, default=SUPPRESS)
    parser.add_argument("--skip-nodes-with-local-storage", type=_is_true, default=SUPPRESS)
    return Flags(**vars(parser.parse_known_args(arguments)[0]))


def _tags(discovery: str) -> frozenset[str]:
    return frozenset(discovery.removeprefix("asg:tag=").split(","))


def _is_true(text: str) -> bool:
    return text == "true"


def _seconds(duration: str) -> float:
    if not re.fullmatch(f"0|({_PART})+", duration):
        raise ArgumentTypeError(f"must be a time, such as 1h30m or 90s, got {duration!r}")
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, duration))
