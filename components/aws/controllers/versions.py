"""The pinned versions of the charts and of the images that they install."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One version of a chart, and the image that it installs unless `image.repository` says else.

    A chart without a repository is an OCI address itself.
    """

    chart: str
    version: str
    image: str
    repository: str | None = None


# https://github.com/kubernetes/autoscaler/tree/master/cluster-autoscaler/charts/cluster-autoscaler
CLUSTER_AUTOSCALER = Chart(
    chart="cluster-autoscaler",
    version="9.59.0",
    image="registry.k8s.io/autoscaling/cluster-autoscaler",
    repository="https://kubernetes.github.io/autoscaler",
)
# The autoscaler simulates the scheduler of one minor version of Kubernetes: its cluster's.
# https://github.com/kubernetes/autoscaler/tree/master/cluster-autoscaler#releases
CLUSTER_AUTOSCALER_IMAGES: Mapping[str, str] = {
    "1.34": "v1.34.5",
    "1.35": "v1.35.2",
    "1.36": "v1.36.1",
}

# https://github.com/aws/aws-node-termination-handler/tree/v1.25.6/config/helm
NODE_TERMINATION_HANDLER = Chart(
    chart="oci://public.ecr.aws/aws-ec2/helm/aws-node-termination-handler",
    version="0.27.6",
    image="public.ecr.aws/aws-ec2/aws-node-termination-handler",
)
NODE_TERMINATION_HANDLER_IMAGE = "v1.25.6"

# https://github.com/kubernetes-sigs/aws-load-balancer-controller/tree/v3.5.0/helm
LOAD_BALANCER_CONTROLLER = Chart(
    chart="aws-load-balancer-controller",
    version="3.5.0",
    image="public.ecr.aws/eks/aws-load-balancer-controller",
    repository="https://aws.github.io/eks-charts",
)
LOAD_BALANCER_CONTROLLER_IMAGE = "v3.5.0"
