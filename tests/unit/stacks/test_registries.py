"""Images that are pulled through the registries that a stack file names: all of them."""

from collections.abc import Iterator
from typing import Any

import settings
import stacks
from tests.unit.stack_files import MODELS, PLATFORM, config_of, configure, put
from tests.unit.stacks.platforms import STACK, outputs, sharing_config

PLACE = "cache.invalid/mirror"
HOSTS = ("docker.io", "registry.k8s.io", "public.ecr.aws")
REGISTRIES = {host: f"{PLACE}/{host.replace('.', '-')}" for host in HOSTS}
SPARE = {"headroom": 1, "pull_ahead": True}


def images(requested: Any) -> Iterator[str]:
    """Yield the images of containers, and those that charts are told of."""
    if isinstance(requested, list):
        for each in requested:
            yield from images(each)
    elif isinstance(requested, dict):
        match requested.get("image"):
            case str(image):
                yield image
            case {"tag": _, **others}:
                yield others.get("repository", "the chart's own")
            case _:
                pass
        for each in requested.values():
            yield from images(each)


def deploy(cloud: Any, config: dict[str, Any]) -> list[str]:
    for key, value in SPARE.items():
        put(config, f"{MODELS}.half-plus-two.{key}", value)
    configure(config)
    cloud.run(lambda: stacks.deploy(settings.load()))
    return [image for typ in cloud.types() for image in images([*cloud.all(typ).values()])]


def test_every_image_of_a_platform_and_its_models_is_had_there(cloud):
    config = config_of()
    put(config, f"{PLATFORM}.registries", REGISTRIES)
    found = deploy(cloud, config)

    assert {each.removeprefix(f"{PLACE}/") for each in found} == {
        "docker-io/rclone/rclone:1.71.0",
        "docker-io/tensorflow/serving:2.19.1",
        "public-ecr-aws/aws-ec2/aws-node-termination-handler",
        "public-ecr-aws/eks/aws-load-balancer-controller",
        "registry-k8s-io/autoscaling/cluster-autoscaler",
        "registry-k8s-io/pause:3.10.1",
    }


def test_without_registries_images_are_had_where_they_are(cloud):
    assert {*deploy(cloud, config_of())} == {
        "rclone/rclone:1.71.0",
        "registry.k8s.io/pause:3.10.1",
        "tensorflow/serving:2.19.1",
        "the chart's own",
    }


def test_models_on_another_stacks_platform_use_its_registries(cloud):
    told = outputs()
    told["platform"]["registries"] = {"docker.io": PLACE}
    cloud.stacks[STACK] = told

    assert {*deploy(cloud, sharing_config())} == {
        f"{PLACE}/rclone/rclone:1.71.0",
        f"{PLACE}/tensorflow/serving:2.19.1",
        "registry.k8s.io/pause:3.10.1",
    }
