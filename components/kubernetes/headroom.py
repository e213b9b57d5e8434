"""Room that is kept free for a model's next pods: a node is there before it is needed."""

import pulumi
import pulumi_kubernetes as k8s

from components.kubernetes.model_fetch import FETCH_REQUESTS
from components.kubernetes.resources import larger
from components.kubernetes.spare_pods import SparePodsArgs, spare_pod


class Headroom(pulumi.ComponentResource):
    """Pods as large as a model's, which one of its own displaces while another node comes."""

    def __init__(
        self, name: str, args: SparePodsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:Headroom", name, {}, opts)
        # Neither of them is a label that the model's Service and disruption budget select by.
        labels = {"app.kubernetes.io/name": "headroom", "tfserving/model": name}
        k8s.apps.v1.Deployment(
            f"{name}-headroom",
            metadata={
                # Its name is the provider's to choose: any that is made of the model's could be
                # that of another model.
                "namespace": args.namespace,
                "labels": labels,
                # Where there is no room its pods wait, and nothing should wait for them.
                "annotations": {"pulumi.com/skipAwait": "true"},
            },
            spec={
                "replicas": args.spec.headroom,
                "selector": {"match_labels": labels},
                # One beside an old one would ask for a node more.
                "strategy": {"type": "Recreate"},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": spare_pod(args, larger(args.spec.requests, FETCH_REQUESTS)),
                },
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
