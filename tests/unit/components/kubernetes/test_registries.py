"""Images that are pulled through another place than their own registry."""

import pytest

from components.kubernetes.registries import host_of, is_host, is_place, through

DIGEST = f"sha256:{'0' * 64}"
PLACES = {
    "docker.io": "us-docker.pkg.dev/my-project/docker-hub",
    "registry.k8s.io": "123456789012.dkr.ecr.us-west-2.amazonaws.com/kubernetes",
    "localhost:5000": "cache.invalid:8443",
}


@pytest.mark.parametrize(
    ("image", "had"),
    [
        (
            "tensorflow/serving:2.19.1",
            "us-docker.pkg.dev/my-project/docker-hub/tensorflow/serving:2.19.1",
        ),
        ("docker.io/rclone/rclone:1", "us-docker.pkg.dev/my-project/docker-hub/rclone/rclone:1"),
        ("busybox:1.37", "us-docker.pkg.dev/my-project/docker-hub/library/busybox:1.37"),
        (
            f"tensorflow/serving@{DIGEST}",
            f"us-docker.pkg.dev/my-project/docker-hub/tensorflow/serving@{DIGEST}",
        ),
        (
            "registry.k8s.io/pause:3.10.1",
            "123456789012.dkr.ecr.us-west-2.amazonaws.com/kubernetes/pause:3.10.1",
        ),
        ("localhost:5000/serving:1", "cache.invalid:8443/serving:1"),
    ],
)
def test_an_image_is_had_through_the_place_of_its_registry(image, had):
    assert through(PLACES, image) == had


@pytest.mark.parametrize("image", ["public.ecr.aws/eks/pause:1", "localhost/serving:1"])
def test_an_image_of_another_registry_is_had_from_there(image):
    assert through(PLACES, image) == image


def test_without_places_every_image_is_had_from_its_own_registry():
    assert through({}, "tensorflow/serving:2.19.1") == "tensorflow/serving:2.19.1"


def test_an_image_without_a_host_is_of_docker_hub():
    assert host_of("busybox:1.37") == host_of("tensorflow/serving:2.19.1") == "docker.io"
    assert host_of("registry.k8s.io/pause:3.10.1") == "registry.k8s.io"


@pytest.mark.parametrize("name", ["docker.io", "cache.invalid:8443", "us-docker.pkg.dev"])
def test_a_host_is_a_name_and_perhaps_a_port(name):
    assert is_host(name)
    assert is_place(name)


@pytest.mark.parametrize("name", ["", "docker", "docker.io/library", "https://docker.io", "D.io"])
def test_nothing_else_is_a_host(name):
    assert not is_host(name)


@pytest.mark.parametrize(
    "name",
    ["", "https://docker.io/hub", "docker.io/", "docker.io/Hub", "docker.io/a:1", "docker.io//a"],
)
def test_a_place_has_no_scheme_tag_or_empty_part(name):
    assert not is_place(name)
