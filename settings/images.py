"""What a stack file asks of images: that nodes without a way out can pull them.

It is asked of whichever fields are sound, so that these faults are reported with all others.
"""

from collections.abc import Iterator

from components.kubernetes.model_fetch import FETCHER_IMAGE
from components.kubernetes.registries import host_of, through
from components.kubernetes.spare_pods import PAUSE_IMAGE
from components.spec import Fault
from settings.given import mapping

# What Private Google Access reaches.
# https://docs.cloud.google.com/artifact-registry/docs/repositories/repo-locations
_GOOGLES = (".pkg.dev", "gcr.io")


def image_faults(platform: object, models: object) -> Iterator[Fault]:
    """Yield the images that nodes without NAT cannot pull; a path begins with the name of a model.

    It is known of networks on GKE that the stack makes, of no others.
    """
    given = mapping(platform)
    if given.get("kind") != "gke" or mapping(given.get("network")).get("nat") is not False:
        return
    places = {host: str(place) for host, place in mapping(given.get("registries")).items()}
    for name, each in mapping(models).items():
        model = mapping(each)
        spare = [PAUSE_IMAGE] if model.get("headroom") or model.get("pull_ahead") else []
        for image in (model.get("image"), FETCHER_IMAGE, *spare):
            if isinstance(image, str) and not _is_reached(through(places, image)):
                limit = "must be had from Artifact Registry, since without network.nat nodes reach "
                limit += "no other: platform.registries may have a place there for "
                yield Fault((name, "image"), limit + host_of(image), image)


def _is_reached(image: str) -> bool:
    return host_of(image).endswith(_GOOGLES)
