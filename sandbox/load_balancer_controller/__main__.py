"""The process that looks after the Ingresses of one stack."""

import sys

from sandbox.kubernetes_api import KubernetesApi
from sandbox.load_balancer_controller import LoadBalancerController
from sandbox.rounds import go_on

_ROUND_SECONDS = 1.0


def main() -> None:
    """Go on until this process is ended."""
    controller = LoadBalancerController(KubernetesApi.from_kubeconfig(sys.argv[1]))
    go_on(controller.reconcile, every=_ROUND_SECONDS)


if __name__ == "__main__":
    main()
