"""The flags of the Cluster Autoscaler that its stand-in heeds, with the real one's defaults.

https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md#what-are-the-parameters-to-ca
"""

import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_UNITS = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
_PART = r"(\d+(?:\.\d+)?)(h|ms|m|s)"


@dataclass(frozen=True)
class Flags:
    """What the autoscaler was told, and of which stack; times are in seconds."""

    root: Path
    stack: str
    region: str
    namespace: str
    tags: frozenset[str]
    """A group may be resized that has all of them."""
    expander: Sequence[str]
    expendable_pods_priority_cutoff: int
    max_node_provision_time: float
    scale_down_delay_after_add: float
    scale_down_unneeded_time: float
    scale_down_utilization_threshold: float
    skip_nodes_with_local_storage: bool


def parse(arguments: Sequence[str]) -> Flags:
    """Read them as a container's command has them; those that are not heeded are passed over."""
    parser = ArgumentParser(allow_abbrev=False)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--namespace", default="kube-system")
    parser.add_argument("--node-group-auto-discovery", dest="tags", type=_tags, required=True)
    parser.add_argument("--expander", type=lambda text: text.split(","), default=["least-waste"])
    parser.add_argument("--expendable-pods-priority-cutoff", type=int, default=-10)
    parser.add_argument("--max-node-provision-time", type=_seconds, default=900.0)
    parser.add_argument("--scale-down-delay-after-add", type=_seconds, default=600.0)
    parser.add_argument("--scale-down-unneeded-time", type=_seconds, default=600.0)
    parser.add_argument("--scale-down-utilization-threshold", type=float, default=0.5)
    parser.add_argument("--skip-nodes-with-local-storage", type=_is_true, default=True)
    return Flags(**vars(parser.parse_known_args(arguments)[0]))


def _tags(discovery: str) -> frozenset[str]:
    return frozenset(discovery.removeprefix("asg:tag=").split(","))


def _is_true(text: str) -> bool:
    return text == "true"


def _seconds(duration: str) -> float:
    if not re.fullmatch(f"0|({_PART})+", duration):
        raise ArgumentTypeError(f"must be a time, such as 1h30m or 90s, got {duration!r}")
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, duration))
