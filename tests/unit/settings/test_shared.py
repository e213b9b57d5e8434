"""A platform that another stack has: what a stack file says of it, and what is refused."""

import pytest

import settings
from settings import SharedSettings
from tests.unit.stack_files import MODELS, PLATFORM, REGION, configure, faults_of, put
from tests.unit.stacks.platforms import STACK, sharing_config


def test_it_says_which_stack_and_nothing_else(cloud):
    configure(sharing_config())

    loaded = settings.load()

    assert loaded.platform == SharedSettings(kind="shared", region="us-west-2", stack=STACK)
    assert loaded.models["half-plus-two"].namespace == "team-a"


@pytest.mark.parametrize("stack", ["prod", "tfserving/prod", "a/b/c/d", "a//c", "a/b/c d", ""])
def test_a_stack_has_its_whole_name(cloud, stack):
    config = sharing_config()
    put(config, f"{PLATFORM}.stack", stack)

    assert faults_of(config) == [
        f"{PLATFORM}.stack: must be organization/project/stack, such as "
        f'organization/tfserving/prod; got "{stack}"'
    ]


def test_a_stack_is_not_on_itself(cloud):
    config = sharing_config()
    put(config, f"{PLATFORM}.stack", "organization/tfserving/test")

    assert faults_of(config) == [
        f'{PLATFORM}.stack: must be another stack than this one; got "organization/tfserving/test"'
    ]


def test_faults_of_its_models_are_told_with_its_own(cloud):
    config = sharing_config()
    put(config, f"{PLATFORM}.pools", {"spot": {"kind": "spot", "instance_types": ["m5.nowhere"]}})
    put(config, f"{PLATFORM}.stack", "prod")
    put(config, f"{MODELS}.half-plus-two.version", 0)
    del config[REGION]

    assert {fault.split(": ")[0] for fault in faults_of(config)} == {
        REGION,
        f"{PLATFORM}.pools",
        f"{PLATFORM}.stack",
        f"{MODELS}.half-plus-two.version",
        f"{MODELS}.half-plus-two.source",
    }


def test_the_nearest_kind_is_told(cloud):
    config = sharing_config()
    put(config, f"{PLATFORM}.kind", "share")

    assert faults_of(config) == [
        f"{PLATFORM}.kind: must be one of 'eks', 'gke', 'shared'; 'shared' is nearest; got "
        '"share"'
    ]
