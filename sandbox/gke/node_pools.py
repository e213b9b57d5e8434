"""The node pools of one stack's cluster, and the instances of each, as GKE keeps them.

A pool has an instance group in each of its zones, which always has as many instances as it is to
have: it starts what lacks, unless the pool is of Spot VMs and there is no capacity for them.
"""

import fcntl
import hashlib
import json
import secrets
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError
from sandbox.layout import Layout
from sandbox.processes import write_atomically

_FIRST_ADDRESS = ip_address("10.128.0.2")
_LONGEST_NAME = 63  # of a label's value, which a node's name is
_LETTERS = "bcdfghjklmnpqrstvwxz0123456789"
# https://docs.cloud.google.com/kubernetes-engine/docs/how-to/update-existing-nodepools
_IN_PLACE = ("labels", "taints", "tags", "resourceLabels")


@dataclass(frozen=True)
class Instance:
    """A VM of a pool, which is one node."""

    name: str
    zone: str
    address: str
    node_config: Mapping[str, Any]
    """What it was made with; the pool's may be another one since."""
    noticed: float | None = None
    """When it was told that it ends, in seconds since the epoch; like the next, only of Spot."""
    ends: float | None = None


@dataclass(frozen=True)
class NodePool:
    """One pool, at one moment; `inputs` are those of Pulumi's `gcp.container.NodePool`."""

    name: str
    owner: str
    inputs: Mapping[str, Any]
    zones: Mapping[str, int]
    """How many instances each zone's group is to have."""
    instances: tuple[Instance, ...] = ()
    short: bool = False
    """Whether its Spot capacity was made unavailable."""

    @property
    def node_config(self) -> Mapping[str, Any]:
        """What its new nodes are made with."""
        return self.inputs.get("nodeConfig") or {}

    @property
    def called(self) -> str:
        """The pool that it is of in the stack's file, by its nodes' label; else its own name."""
        labels: Mapping[str, str] = self.node_config.get("resourceLabels") or {}
        return labels.get("pool", self.name)

    @property
    def spot(self) -> bool:
        """Whether its nodes are Spot VMs, or preemptible ones, which Spot VMs came after."""
        return bool(self.node_config.get("spot") or self.node_config.get("preemptible"))

    @property
    def is_autoscaled(self) -> bool:
        """Whether GKE's autoscaler may resize it."""
        return bool(self._autoscaling)

    @property
    def balances(self) -> bool:
        """Whether it grows evenly in its zones, rather than in the first that has capacity.

        That is the default, but for Spot VMs.
        https://docs.cloud.google.com/kubernetes-engine/docs/concepts/spot-vms
        """
        default = "ANY" if self.spot else "BALANCED"
        return (self._autoscaling.get("locationPolicy") or default) == "BALANCED"

    @property
    def bounds(self) -> tuple[int, int] | None:
        """The least and the most nodes of each zone; None where they are of all zones together."""
        return self._bounds("minNodeCount", "maxNodeCount")

    @property
    def total_bounds(self) -> tuple[int, int] | None:
        """The least and the most nodes of all zones; None where they are of each."""
        return self._bounds("totalMinNodeCount", "totalMaxNodeCount")

    @property
    def is_current(self) -> bool:
        """Whether every instance that is there is what the pool's inputs ask for."""
        return not any(map(self.is_outdated, self.instances))

    def group(self, zone: str) -> str:
        """Return the name of a zone's instance group."""
        return f"{self._prefix(zone)}-grp"

    def of_zone(self, zone: str) -> tuple[Instance, ...]:
        """Return the instances of a zone."""
        return tuple(each for each in self.instances if each.zone == zone)

    def is_outdated(self, instance: Instance) -> bool:
        """Tell whether an instance has to be replaced to be what the pool's inputs ask for."""
        return _lasting(instance.node_config) != _lasting(self.node_config)

    def started(self, zone: str, addresses: Iterator[str]) -> Instance:
        """Return a new instance."""
        taken = {each.name for each in self.instances}
        name = next(name for name in _names(self._prefix(zone)) if name not in taken)
        return Instance(name, zone, next(addresses), dict(self.node_config))

    @property
    def _autoscaling(self) -> Mapping[str, Any]:
        return self.inputs.get("autoscaling") or {}

    def _bounds(self, least: str, most: str) -> tuple[int, int] | None:
        autoscaling = self._autoscaling
        if autoscaling.get(most) is None:
            return None
        return int(autoscaling.get(least) or 0), int(autoscaling[most])

    def _prefix(self, zone: str) -> str:
        cluster = str(self.inputs.get("cluster", "")).rpartition("/")[2]
        unique = hashlib.sha256(f"{self.owner} {zone}".encode()).hexdigest()[:8]
        room = _LONGEST_NAME - len(f"-{unique}-0000")
        return f"{f'gke-{cluster}-{self.name}'[:room].rstrip('-')}-{unique}"


class NodePools:
    """The pools of one stack's cluster, kept in files; several processes may change them."""

    def __init__(self, layout: Layout, stack: str) -> None:
        self._folder = layout.cluster(stack) / "node-pools"

    def create(
        self, name: str, owner: str, inputs: Mapping[str, Any], zones: Sequence[str]
    ) -> None:
        """Make a pool with its first instances.

        Raises:
            SandboxError: there is one of that name.
        """
        with self._locked():
            if self.read(name):
                raise SandboxError(f"node pool {name} is there already")
            size = _initial_size(inputs)
            self._write(NodePool(name, owner, dict(inputs), dict.fromkeys(zones, size)))

    def find(self, owner: str) -> Sequence[str]:
        """Return the names of the pools that an owner made."""
        return [pool.name for pool in self.all() if pool.owner == owner]

    def read(self, name: str) -> NodePool | None:
        """Return a pool, or None when there is none of that name."""
        try:
            held = json.loads(self._file(name).read_text())
        except FileNotFoundError:
            return None
        instances = tuple(Instance(**each) for each in held.pop("instances"))
        return NodePool(**held, instances=instances)

    def update(self, name: str, inputs: Mapping[str, Any]) -> None:
        """Change a pool's inputs; a zone that is new gets as many instances as the pool began with.

        Labels, taints and limits are so at once; nodes that have to be others are replaced by and
        by, see `sandbox.gke.upgrades`.
        """
        with self._changed(name) as pools:
            (pool,) = pools
            zones = inputs.get("nodeLocations") or [*pool.zones]
            size = _initial_size(inputs)
            sizes = {zone: pool.zones.get(zone, size) for zone in zones}
            if inputs.get("autoscaling") is None and inputs.get("nodeCount") is not None:
                sizes = dict.fromkeys(zones, size)
            pools[0] = replace(pool, inputs=dict(inputs), zones=sizes)

    def delete(self, name: str) -> None:
        """Delete a pool with all its instances; one that is gone is no error."""
        with self._locked():
            self._file(name).unlink(missing_ok=True)

    def all(self) -> Sequence[NodePool]:
        """Return all pools, by name."""
        names = sorted(path.stem for path in self._folder.glob("*.json"))
        return [pool for name in names if (pool := self.read(name))]

    def resize(self, name: str, zone: str, size: int) -> None:
        """Let a zone have so many instances; those that are too many end."""
        with self._changed(name) as pools:
            pools[0] = replace(pools[0], zones={**pools[0].zones, zone: size})

    def surge(self, name: str, zone: str) -> None:
        """Start one instance more than a zone is to have, in whose place another one will end."""
        with self._changed(name) as pools:
            if not (pools[0].short and pools[0].spot):
                new = pools[0].started(zone, self._addresses())
                pools[0] = replace(pools[0], instances=(*pools[0].instances, new))

    def end(self, name: str, instance: str, *, shrink: bool) -> None:
        """End an instance; its group starts another one unless it shrinks or has one too many."""
        with self._changed(name) as pools:
            zones = dict(pools[0].zones)
            for each in pools[0].instances:
                zones[each.zone] -= shrink and each.name == instance
            left = tuple(each for each in pools[0].instances if each.name != instance)
            pools[0] = replace(pools[0], zones=zones, instances=left)

    def give_notice(self, name: str, instance: str, seconds: float) -> None:
        """Tell an instance that it ends in so many seconds."""
        now = time.time()
        with self._changed(name) as pools:
            told = tuple(
                replace(each, noticed=now, ends=now + seconds) if each.name == instance else each
                for each in pools[0].instances
            )
            pools[0] = replace(pools[0], instances=told)

    def set_shortage(self, name: str, *, short: bool) -> None:
        """Make a pool's Spot capacity unavailable, or available again."""
        with self._changed(name) as pools:
            pools[0] = replace(pools[0], short=short)

    @contextmanager
    def _changed(self, name: str) -> Generator[list[NodePool]]:
        """Read a pool, write what the caller makes of it; nothing where it is gone."""
        with self._locked():
            pool = self.read(name)
            if pool is None:
                raise SandboxError(f"there is no node pool {name}")
            pools = [pool]
            yield pools
            self._write(pools[0])

    @contextmanager
    def _locked(self) -> Generator[None]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _write(self, pool: NodePool) -> None:
        """Keep a pool, its groups with as many instances as they are to have."""
        kept = [each for each in pool.instances if each.zone in pool.zones]
        addresses = self._addresses()
        for zone, size in pool.zones.items():
            there = [each for each in kept if each.zone == zone]
            waits = any(map(pool.is_outdated, there))  # an upgrade has one too many for a while
            spare = [] if waits else there[size:]
            kept = [each for each in kept if each not in spare]
            if pool.short and pool.spot:
                continue
            for _ in range(size - len(there)):
                pool = replace(pool, instances=tuple(kept))
                kept.append(pool.started(zone, addresses))
        pool = replace(pool, instances=tuple(kept))
        write_atomically(self._file(pool.name), json.dumps(asdict(pool), indent=2))

    def _addresses(self) -> Iterator[str]:
        used = {each.address for pool in self.all() for each in pool.instances}
        offset = 0
        while True:
            address = str(_FIRST_ADDRESS + offset)
            if address not in used:
                yield address
            offset += 1

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def _initial_size(inputs: Mapping[str, Any]) -> int:
    """Return how many nodes a zone begins with; GKE's own default is none for a pool."""
    given = inputs.get("nodeCount")
    return int(given if given is not None else inputs.get("initialNodeCount") or 0)


def _lasting(node_config: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in node_config.items() if name not in _IN_PLACE}


def _names(prefix: str) -> Iterator[str]:
    while True:
        yield f"{prefix}-{''.join(secrets.choice(_LETTERS) for _ in range(4))}"
