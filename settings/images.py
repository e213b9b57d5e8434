"""What a stack file asks of images: that nodes without a way out can pull them."""

from collections.abc import Iterator, Mapping

from components.gcp.network import NetworkSpec
from components.kubernetes.model_fetch import FETCHER_IMAGE
from components.kubernetes.registries import host_of, through
from components.kubernetes.spare_pods import PAUSE_IMAGE
from components.spec import Fault
from settings.gke import GkeSettings
from settings.models import ModelSettings

# What Private Google Access reaches.
# https://docs.cloud.google.com/artifact-registry/docs/repositories/repo-locations
_GOOGLES = (".pkg.dev", "gcr.io")


def image_faults(platform: object, models: Mapping[str, ModelSettings]) -> Iterator[Fault]:
    """Yield the images that nodes without NAT cannot pull; a path begins with a model's name.

    Only of networks that the stack makes is it known.
    """
    if not isinstance(platform, GkeSettings) or not isinstance(platform.network, NetworkSpec):
        return
    if platform.network.nat:
        return
    for name, model in models.items():
        spare = [PAUSE_IMAGE] if model.headroom or model.pull_ahead else []
        for image in (model.image, FETCHER_IMAGE, *spare):
            host = host_of(through(platform.registries, image))
            if not host.endswith(_GOOGLES):
                limit = "must be had from Artifact Registry, since without network.nat nodes reach "
                limit += "no other: platform.registries may have a place there for "
                yield Fault((name, "image"), limit + host_of(image), image)
