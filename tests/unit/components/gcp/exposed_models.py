"""Models that the tests of load balancers expose, and the cluster that they are on."""

import pulumi
import pulumi_kubernetes as k8s

from components.kubernetes.exposure import Backend


def a_backend(
    *, models: tuple[str, ...] = ("resnet",), deregistration_seconds: int = 25
) -> Backend:
    return Backend(
        namespace="serving",
        service="resnet-service",
        models=models,
        health_path="/v1/models/resnet/metadata",
        deregistration_seconds=deregistration_seconds,
    )


def on_a_cluster() -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(provider=k8s.Provider("kubernetes", kubeconfig="{}"))
