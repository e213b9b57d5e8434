"""Exposed models: what their platform lacks is told with the model's key, with all else."""

from typing import Any

import pytest

from settings.exposure import exposure_faults
from tests.unit.stack_files import MODELS, PLATFORM, config_of, faults_of, put

CERTIFICATE = "arn:aws:acm:us-west-2:123456789012:certificate/0a1b-2c3d"
EXISTING = {
    "vpc_id": "vpc-0a1b2c3d",
    "cidr": "10.50.0.0/16",
    "private_subnet_ids": ["subnet-0a1b2c3d", "subnet-0a1b2c3e"],
    "public_subnet_ids": ["subnet-0a1b2c3f", "subnet-0a1b2c40"],
}
PUBLIC = {"scope": "public", "open_to_world": True}


def faults(expose: object, region: object = "us-west-2", **platform: Any) -> list[str]:
    given = {"kind": "eks", "network": {"cidr": "10.50.0.0/16"}, **platform}
    models = {"resnet": {"expose": expose}, "other": {"version": 1}, "broken": "yes"}
    return [str(fault) for fault in exposure_faults(given, models, region)]


@pytest.mark.parametrize("expose", [{}, PUBLIC, {"certificate": CERTIFICATE}, None])
def test_a_platform_with_a_controller_and_a_network_of_its_own_lacks_nothing(expose):
    assert faults(expose) == []
    assert faults(expose, network=EXISTING) == []


def test_a_server_with_more_models_than_a_load_balancer_has_paths_for_is_refused():
    platform = {"kind": "eks", "network": {"cidr": "10.50.0.0/16"}}
    also = {f"other-{number}": {"version": 1} for number in range(12)}

    def found(**model: Any) -> list[str]:
        return [str(each) for each in exposure_faults(platform, {"resnet": model}, "us-west-2")]

    assert found(expose={}, also=also) == [
        "resnet.also: must be at most 11 models beside one that is exposed: a load balancer has no "
        "room for more paths, got 12"
    ]
    assert found(also=also) == []
    also.popitem()
    assert found(expose={}, also=also) == []


@pytest.mark.parametrize("expose", [{}, {"scope": "pubic", "nonsense": 1}])
def test_an_ingress_without_its_controller_is_refused(expose):
    assert faults(expose, load_balancer_controller={"enabled": False, "replicas": 0}) == [
        "resnet.expose: must come with tfserving:platform.load_balancer_controller.enabled: true, "
        f"as nothing else makes the load balancer of an Ingress, got {expose}"
    ]


def test_an_existing_network_whose_addresses_nobody_knows_is_refused():
    assert faults({}, network={**EXISTING, "cidr": None}) == [
        "resnet.expose: must come with tfserving:platform.network.cidr, where its load balancer "
        "is, got {}"
    ]


@pytest.mark.parametrize("kind", ["load_balancer", "gateway"])
def test_a_kind_that_eks_has_not_is_refused(kind):
    assert faults({"kind": kind}) == [
        f"resnet.expose.kind: must be alb, which this platform has, got {kind!r}"
    ]


def test_grpc_without_a_certificate_is_refused():
    assert faults({"grpc": True, "certificate": CERTIFICATE}) == []
    assert faults({"grpc": True}) == [
        "resnet.expose.grpc: must come with a certificate: load balancers take gRPC over TLS only, "
        "got True"
    ]


@pytest.mark.parametrize("subnets", [[], ["subnet-0a1b2c3f"], ["subnet-0a1b2c3f"] * 2])
def test_a_public_load_balancer_needs_public_subnets(subnets):
    network = {**EXISTING, "public_subnet_ids": subnets}

    assert faults({}, network=network) == []
    assert faults(PUBLIC, network=network) == [
        "resnet.expose.scope: must come with tfserving:platform.network.public_subnet_ids, one in "
        "each of two zones or more, got 'public'"
    ]


@pytest.mark.parametrize(
    "certificate",
    [
        "projects/p/global/sslCertificates/c",
        "example.com",
        "arn:aws:acm:us-east-1:123456789012:certificate/0a1b",
        f"{CERTIFICATE},{CERTIFICATE}",
        CERTIFICATE.replace("123456789012", "12345678901\uff12"),
    ],
)
def test_a_certificate_that_an_alb_does_not_take_is_refused(certificate):
    assert faults({"certificate": certificate}) == [
        "resnet.expose.certificate: must be the ARN of a certificate of ACM in aws:region, "
        f"got {certificate!r}"
    ]


def test_without_a_region_a_certificate_of_any_is_taken():
    certificate = CERTIFICATE.replace("us-west-2", "eu-central-1")

    assert faults({"certificate": certificate}, region=None) == []


def test_all_that_is_lacking_is_told_at_once():
    network = {**EXISTING, "cidr": None, "public_subnet_ids": []}
    expose = {**PUBLIC, "certificate": "c"}

    told = faults(expose, network=network, load_balancer_controller={"enabled": False})

    assert [each.partition(":")[0] for each in told] == [
        "resnet.expose",
        "resnet.expose",
        "resnet.expose.scope",
        "resnet.expose.certificate",
    ]


@pytest.mark.parametrize(
    "platform",
    [
        {"load_balancer_controller": {"enabled": "perhaps"}},
        {"load_balancer_controller": False},
        {"network": None},
        {"network": {**EXISTING, "public_subnet_ids": "all"}},
        {"kind": "shared", "load_balancer_controller": {"enabled": False}},
    ],
)
def test_of_what_is_wrong_in_itself_or_anothers_nothing_is_said(platform):
    assert faults(PUBLIC, **platform) == []


@pytest.mark.parametrize(("platform", "models"), [(None, {"a": {"expose": {}}}), ({}, None)])
def test_sections_that_are_not_there_have_no_such_faults(platform, models):
    assert not [*exposure_faults(platform, models, None)]


def test_it_is_told_with_the_files_other_faults(cloud):
    config = config_of()
    put(config, f"{PLATFORM}.load_balancer_controller", {"enabled": False})
    put(config, f"{MODELS}.half-plus-two.expose", {"scope": "public", "certificate": "mine"})
    put(config, f"{MODELS}.half-plus-two.nonsense", 1)

    told = faults_of(config)

    key = f"{MODELS}.half-plus-two.expose"
    assert {
        f"{MODELS}.half-plus-two.nonsense: is not a known key; got 1",
        f"{key}: must come with {PLATFORM}.load_balancer_controller.enabled: true, as nothing else "
        'makes the load balancer of an Ingress; got {"scope": "public", "certificate": "mine"}',
        f'{key}.certificate: must be the ARN of a certificate of ACM in aws:region; got "mine"',
    } == {*told}


def test_a_certificate_of_another_region_is_refused_on_another_stacks_platform_too():
    expose = {"certificate": CERTIFICATE}

    assert faults(expose, "us-west-2", kind="shared") == []
    (fault,) = faults(expose, "eu-west-1", kind="shared")
    assert fault.startswith("resnet.expose.certificate: must be the ARN of a certificate of ACM in")
