"""Images that are on a node before a model's pod is: they are large, and pods come in haste."""

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.core.v1 import ContainerArgsDict

from components.kubernetes.model_fetch import FETCHER_IMAGE, RESTRICTED
from components.kubernetes.registries import through
from components.kubernetes.resources import Requests
from components.kubernetes.spare_pods import SparePodsArgs, spare_pod

PREPULL_REQUESTS = Requests(cpu="10m", memory="32Mi")
"""What each node gives for it: an estimate of what DaemonSets take has to count it."""

_MEMORY_LIMIT = "512Mi"  # the server's binary alone has several hundred MiB


class ImagePrepull(pulumi.ComponentResource):
    """Every node that a model may run on has its images, or is about to have them."""

    def __init__(
        self, name: str, args: SparePodsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:ImagePrepull", name, {}, opts)
        labels = {"app.kubernetes.io/name": "images", "tfserving/model": name}
        server = through(args.registries, args.spec.image)
        pulls = (
            _pull("server", server, "/usr/bin/tensorflow_model_server", "--version"),
            _pull("fetcher", through(args.registries, FETCHER_IMAGE), "rclone", "version"),
        )
        k8s.apps.v1.DaemonSet(
            f"{name}-images",
            metadata={
                "namespace": args.namespace,
                "labels": labels,
                # It is for pods to come: those of now pull for themselves.
                "annotations": {"pulumi.com/skipAwait": "true"},
            },
            spec={
                "selector": {"match_labels": labels},
                # A new image is pulled on all nodes at once.
                "update_strategy": {
                    "type": "RollingUpdate",
                    "rolling_update": {"max_unavailable": "100%"},
                },
                "template": {
                    "metadata": {"labels": labels},
                    "spec": spare_pod(args, PREPULL_REQUESTS, pulls),
                },
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


def _pull(name: str, image: str, *command: str) -> ContainerArgsDict:
    """Return a container that ends as soon as its image is there."""
    return {
        "name": name,
        "image": image,
        "command": [*command],
        "resources": {
            "requests": {"cpu": PREPULL_REQUESTS.cpu, "memory": PREPULL_REQUESTS.memory},
            "limits": {"memory": _MEMORY_LIMIT},
        },
        "security_context": RESTRICTED,
    }
