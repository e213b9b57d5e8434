"""ExposureSpec: whom a load balancer lets in has to be said."""

from typing import Any

import pytest

from components.kubernetes.exposure import ExposureSpec
from components.spec import SpecError

CERTIFICATE = "arn:aws:acm:us-west-2:123456789012:certificate/0a1b"


def test_unless_said_otherwise_it_is_internal():
    assert ExposureSpec() == ExposureSpec(
        scope="internal", cidrs=(), certificate=None, open_to_world=False, grpc=False
    )


@pytest.mark.parametrize(
    "spec",
    [
        {"cidrs": ("10.0.0.0/8", "172.16.0.0/12")},
        {"scope": "public", "cidrs": ("203.0.113.0/24",)},
        {"scope": "public", "cidrs": ("203.0.0.0/8",)},
        {"scope": "public", "certificate": CERTIFICATE},
        {"scope": "public", "open_to_world": True},
        {"scope": "public", "open_to_world": True, "cidrs": ("0.0.0.0/0",)},
        {"grpc": True, "certificate": CERTIFICATE},
    ],
)
def test_it_is_open_to_those_that_the_file_names(spec: dict[str, Any]):
    assert ExposureSpec(**spec)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"scope": "public"},
            "scope: must come with cidrs, a certificate, or open_to_world: true, got 'public'",
        ),
        (
            {"cidrs": ("10.0.0.0/8", "10.0.0.1/8")},
            "cidrs.1: must be an IPv4 network, such as 203.0.113.0/24, got '10.0.0.1/8'",
        ),
        (
            {"scope": "public", "cidrs": ("0.0.0.0/1", "128.0.0.0/1")},
            "cidrs: must not be open to the world, more than a /8 in all, without "
            "open_to_world: true, got ('0.0.0.0/1', '128.0.0.0/1')",
        ),
        (
            {"scope": "public", "certificate": CERTIFICATE, "cidrs": ("0.0.0.0/0",)},
            "cidrs: must not be open to the world, more than a /8 in all, without "
            "open_to_world: true, got ('0.0.0.0/0',)",
        ),
        (
            {"open_to_world": True},
            "open_to_world: must come with scope: public, got True",
        ),
    ],
)
def test_what_is_open_by_mistake_is_refused(spec: dict[str, Any], message: str):
    with pytest.raises(SpecError) as refusal:
        ExposureSpec(**spec)

    assert str(refusal.value) == message
