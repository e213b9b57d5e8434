"""The process that does what in a cloud goes on by itself: of one stack, each second.

Nodes become what the instances are, pods' programs run, and logs are kept short.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from sandbox import nodes
from sandbox.gke import autoscaling
from sandbox.gke.managed import ManagedNodes
from sandbox.gke.node_pools import NodePools
from sandbox.kubernetes_api import KubernetesApi, Object
from sandbox.layout import Layout
from sandbox.nodes.containers import Containers
from sandbox.nodes.ec2 import Ec2Nodes
from sandbox.processes import trim
from sandbox.project import gcp_project
from sandbox.providers.aws.account import Account
from sandbox.rounds import go_on

_ROUND_SECONDS = 1.0


class NodeSource(Protocol):
    """The instances of a cloud, as Nodes."""

    @property
    def goes_on(self) -> Sequence[Callable[[], None]]:
        """What to do in each round before Nodes are compared with instances."""
        ...

    def wanted(self) -> Iterator[Object]:
        """Return the Nodes that the instances register as."""
        ...

    def change(self, present: Object, wanted: Object, /) -> Object | None:
        """Return the patch by which a Node that is there is as wanted; None if none is needed."""
        ...


class Watcher:
    """Compares instances and Nodes, again and again; each round starts from what is there."""

    def __init__(
        self, layout: Layout, api: KubernetesApi, source: NodeSource, containers: Containers
    ) -> None:
        self._layout = layout
        self._api = api
        self._source = source
        self._containers = containers

    def run(self) -> None:
        """Go on until this process is ended; what fails now may succeed in the next round."""
        go_on(
            *self._source.goes_on,
            self.reconcile,
            self._containers.reconcile,
            self._trim,
            every=_ROUND_SECONDS,
        )

    def _trim(self) -> None:
        for log in self._layout.logs.glob("*.log"):
            trim(log)

    def reconcile(self) -> None:
        """Create the Nodes of new instances and delete those of instances that are gone."""
        # By instance too: a new one may have got the address, and so the name, of one that ended.
        wanted = {_identity(node): node for node in self._source.wanted()}
        present = {
            _identity(node): node
            for node in self._api.list("v1", "Node")
            if nodes.INSTANCE in node["metadata"].get("annotations", {})
        }
        for identity in sorted(present.keys() - wanted.keys()):
            self._api.delete("v1", "Node", identity[0])
        for identity in sorted(wanted.keys() - present.keys()):
            self._api.create(wanted[identity])
        for identity in sorted(wanted.keys() & present.keys()):
            if patch := self._source.change(present[identity], wanted[identity]):
                self._api.patch("v1", "Node", identity[0], patch)


def _identity(node: Object) -> tuple[str, str]:
    return node["metadata"]["name"], node["metadata"]["annotations"][nodes.INSTANCE]


def main() -> None:
    """Watch one stack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--node-termination-handler", type=Path, required=True)
    parser.add_argument("--unneeded-seconds", type=float, help="Of GKE's autoscaler; on EKS none.")
    parser.add_argument("--back-off-seconds", type=float, help="Of GKE's autoscaler too.")
    given = parser.parse_args()
    layout, stack = Layout(given.root), given.stack
    api = KubernetesApi.from_kubeconfig(layout.kubeconfig(stack))
    source: NodeSource
    if given.unneeded_seconds is None:
        source = Ec2Nodes(Account(given.region, stack), api.server)
    else:
        project = gcp_project(layout, stack)
        times = autoscaling.rules(given.unneeded_seconds, given.back_off_seconds)
        source = ManagedNodes(NodePools(layout, stack), api, project, times)
    containers = Containers(layout, stack, given.region, api, given.node_termination_handler)
    Watcher(layout, api, source, containers).run()


if __name__ == "__main__":
    main()
