"""Images and registries in a stack file: what is refused of them, and in which words."""

import pytest

import settings
from tests.unit.settings.gke_lab import MODEL, lab
from tests.unit.stack_files import PLATFORM, config_of, configure, faults_of, put

WITHOUT_WAY_OUT = {
    "cidr": "10.60.0.0/20",
    "pods_cidr": "10.64.0.0/14",
    "services_cidr": "10.68.0.0/20",
    "nat": False,
}
HUB = {"docker.io": "us-docker.pkg.dev/my-project/docker-hub"}


def test_without_nat_images_are_had_through_registries_that_nodes_reach(cloud):
    rule = "must be had from Artifact Registry, since without network.nat nodes reach no other: "
    rule += "platform.registries may have a place there for docker.io"

    assert faults_of(lab(network=WITHOUT_WAY_OUT)) == [
        f'{MODEL}.image: {rule}; got "tensorflow/serving:2.19.1"',
        f'{MODEL}.image: {rule}; got "rclone/rclone:1.71.0"',
    ]
    configure(lab(network=WITHOUT_WAY_OUT, registries=HUB))
    settings.load()


def test_images_that_cannot_be_had_are_told_with_all_other_faults(cloud):
    faults = faults_of(lab(network=WITHOUT_WAY_OUT, location="nowhere"))

    assert [each.partition(":")[2].partition(":")[0] for each in faults] == [
        "platform.location",
        "models.image-classifier.image",
        "models.image-classifier.image",
    ]


def test_without_nat_a_registry_elsewhere_is_of_no_use(cloud):
    faults = faults_of(lab(network=WITHOUT_WAY_OUT, registries={"docker.io": "cache.invalid"}))

    assert len(faults) == 2


def test_without_nat_pods_that_keep_room_have_an_image_too(cloud):
    config = lab(network=WITHOUT_WAY_OUT, registries=HUB)
    put(config, f"{MODEL}.pull_ahead", True)

    (fault,) = faults_of(config)
    assert fault.endswith('; got "registry.k8s.io/pause:3.10.1"')
    put(config, f"{PLATFORM}.registries", {**HUB, "registry.k8s.io": "europe-docker.pkg.dev/p/k"})
    configure(config)
    settings.load()


@pytest.mark.parametrize("config", [config_of(), lab()], ids=["eks", "gke"])
def test_registries_are_hosts_and_places(cloud, config):
    put(config, f"{PLATFORM}.registries", {"https://docker.io": "cache.invalid", "a.io": "b.io/"})

    host, place = faults_of(config)
    assert host == (
        f"{PLATFORM}.registries.https://docker.io: must be the host of a registry, such as "
        'docker.io or registry.k8s.io; got "https://docker.io"'
    )
    assert place.startswith(f"{PLATFORM}.registries.a.io: must be a host, and a path below it if ")
    assert place.endswith('; got "b.io/"')
