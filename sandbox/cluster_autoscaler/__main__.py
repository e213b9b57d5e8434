"""The process that scales the groups of one stack."""

import sys

from sandbox.cluster_autoscaler import ClusterAutoscaler
from sandbox.cluster_autoscaler.auto_scaling import AutoScalingGroups
from sandbox.cluster_autoscaler.flags import parse
from sandbox.kubernetes_api import KubernetesApi
from sandbox.layout import Layout
from sandbox.providers.aws.account import Account
from sandbox.rounds import go_on

_ROUND_SECONDS = 2.0


def main() -> None:
    """Go on until this process is ended."""
    flags = parse(sys.argv[1:])
    api = KubernetesApi.from_kubeconfig(Layout(flags.root).kubeconfig(flags.stack))
    groups = AutoScalingGroups(Account(flags.region, flags.stack), api, flags)
    scaler = ClusterAutoscaler(api, groups, flags)
    go_on(scaler.reconcile, every=_ROUND_SECONDS)


if __name__ == "__main__":
    main()
