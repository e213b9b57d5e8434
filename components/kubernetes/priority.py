"""Which pods have a node when there is not room for all."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

# Pods without a class have 0, those of the system 2000000000 and more.
_SERVING = 1000
# The lowest for which the cluster autoscaler still adds nodes: --expendable-pods-priority-cutoff.
# https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md
_SPARE = -10


@dataclass(frozen=True, kw_only=True)
class PrioritiesArgs:
    """What the names begin with, as all stacks of a cluster share them; whether pods give way."""

    prefix: str
    spare: bool = False


class Priorities(pulumi.ComponentResource):
    """A model's pods come before pods without a class, and those that are spare give way to all."""

    serving: pulumi.Output[str]
    spare: pulumi.Output[str] | None

    def __init__(
        self, name: str, args: PrioritiesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:Priorities", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)

        serving = k8s.scheduling.v1.PriorityClass(
            f"{name}-serving",
            metadata={"name": f"{args.prefix}-serving"},
            description="Pods that serve models",
            value=_SERVING,
            preemption_policy="PreemptLowerPriority",
            opts=child,
        )
        self.serving = serving.metadata.name
        self.spare = None
        if args.spare:
            spare = k8s.scheduling.v1.PriorityClass(
                f"{name}-spare",
                metadata={"name": f"{args.prefix}-spare"},
                description="Pods that give way to those that serve models",
                value=_SPARE,
                preemption_policy="Never",
                opts=child,
            )
            self.spare = spare.metadata.name
        self.register_outputs({"serving": self.serving, "spare": self.spare})
