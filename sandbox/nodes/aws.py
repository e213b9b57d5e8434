"""The Auto Scaling groups of a stack on EKS, as commands see and disturb them."""

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.kubernetes_api import KubernetesApi
from sandbox.nodes import interruption
from sandbox.nodes.cloud import NodeGroup, Notice
from sandbox.nodes.groups import groups
from sandbox.providers.aws.account import Account

_UNHEARD = "no rule with a target matches the notice, so that nothing moves its pods before it ends"


@dataclass(frozen=True)
class Aws:
    """One stack's account."""

    account: Account
    api: KubernetesApi

    def node_groups(self, ready: set[str]) -> Iterator[NodeGroup]:
        """Return the groups by pool; `ready` are the instances whose nodes are."""
        noticed = self._noticed()
        found = groups(self.account, self.api.server)
        for group in sorted(found, key=lambda group: (group.pool, group.name)):
            minimum, maximum = group.bounds
            yield NodeGroup(
                pool=group.pool,
                name=group.name,
                spot=group.has_spot,
                minimum=minimum,
                maximum=maximum,
                desired=group.desired,
                ready=len(ready.intersection(group.instances)),
                short=group.is_short,
                noticed=len(noticed.intersection(group.instances)),
            )

    def interrupt(self, node: str, seconds: int | None) -> Notice:
        """Give a Spot node notice, and tell when no rule leads it on."""
        notice = seconds or interruption.NOTICE_SECONDS
        heard = interruption.interrupt(self.account, self.api, node, notice)
        return Notice(notice, "" if heard else _UNHEARD)

    def set_shortage(self, pool: str, *, short: bool) -> None:
        """Make a pool's Spot capacity unavailable, or available again."""
        interruption.set_shortage(self.account, self.api, pool, short=short)

    def _noticed(self) -> set[str]:
        tagged = [{"Name": "tag-key", "Values": [interruption.NOTICE_ENDS]}]
        client = self.account.client("ec2")
        return {
            instance["InstanceId"]
            for page in client.get_paginator("describe_instances").paginate(Filters=tagged)
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
        }
