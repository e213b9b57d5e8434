"""Platforms and what is served on them, each composed of components."""

from settings import EksSettings, GkeSettings, Settings, SharedSettings
from stacks import eks, gke, kept_kind, serving, shared
from stacks.outputs import StackOutputs
from stacks.platform import Platform


async def deploy(settings: Settings) -> StackOutputs:
    """Deploy the models, and the platform unless another stack has it."""
    await kept_kind.check(settings.platform.kind)
    platform = await _platform(settings)
    return StackOutputs(
        platform=platform.description,
        kubeconfig=platform.kubeconfig,
        model_bucket=platform.models.uri,
        models=serving.deploy(platform, settings.models, settings.namespaces),
    )


async def _platform(settings: Settings) -> Platform:
    match settings.platform:
        case EksSettings() as own:
            return eks.deploy(own)
        case GkeSettings() as own:
            return gke.deploy(own)
        case SharedSettings() as others:
            return await shared.deploy(others, settings.models)
