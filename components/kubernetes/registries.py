"""Registries that images are pulled through: caches or mirrors that nodes reach."""

import re
from collections.abc import Mapping

DOCKER_HUB = "docker.io"

HOST_RULE = "must be the host of a registry, such as docker.io or registry.k8s.io"
PLACE_RULE = (
    "must be a host, and a path below it if there is one, without a scheme, a tag or a slash at "
    "the end, such as us-docker.pkg.dev/my-project/docker-hub"
)

_HOST = r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]+(?::[0-9]{1,5})?"
_PATH = r"(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*"


def is_host(name: str) -> bool:
    """Tell whether it is the host of a registry, as images name it."""
    return re.fullmatch(_HOST, name) is not None


def is_place(name: str) -> bool:
    """Tell whether images can be below it."""
    return re.fullmatch(_HOST + _PATH, name) is not None


def host_of(image: str) -> str:
    """Return the host of the registry that an image is in."""
    return _split(image)[0]


def through(registries: Mapping[str, str], image: str) -> str:
    """Return an image as it is had through the place that its registry has, if it has one.

    Tag and digest stay: https://github.com/distribution/reference says what an image is made of.
    """
    host, path = _split(image)
    return f"{registries[host]}/{path}" if host in registries else image


def _split(image: str) -> tuple[str, str]:
    first, slash, rest = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    # What Docker Hub itself publishes is in a folder that is not written.
    return DOCKER_HUB, image if slash else f"library/{image}"
