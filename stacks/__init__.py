"""Platforms and what is served on them, each composed of components."""

from settings import Settings
from stacks import eks, serving
from stacks.outputs import StackOutputs


def deploy(settings: Settings) -> StackOutputs:
    """Deploy the platform and its models."""
    platform = eks.deploy(settings.platform)
    return StackOutputs(
        platform=platform.description,
        kubeconfig=platform.kubeconfig,
        model_bucket=platform.models.uri,
        models=serving.deploy(platform, settings.models),
    )
