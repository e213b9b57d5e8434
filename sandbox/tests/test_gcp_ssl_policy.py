"""Policies of TLS in the simulated gcp provider: what they are called, and what is refused."""

from typing import Any

import pytest

from sandbox.providers.gcp import Gcp
from sandbox.providers.plugin import Request, Urn
from sandbox.providers.values import UNKNOWN

GLOBAL, REGIONAL = "gcp:compute/sSLPolicy:SSLPolicy", "gcp:compute/regionSslPolicy:RegionSslPolicy"
GIVEN = {"profile": "RESTRICTED", "minTlsVersion": "TLS_1_2"}


def checked(token: str, inputs: dict[str, Any]) -> tuple[Gcp, Request, list[str]]:
    provider = Gcp()
    provider.configure({"project": "my-project", "region": "us-central1"})
    urn = Urn(f"urn:pulumi:dev::tfserving::{token}::web-tls")
    filled, failures = provider.check(urn, {}, inputs, b"seed")
    return provider, Request(urn=urn, inputs=filled), [each.property for each in failures]


@pytest.mark.parametrize(
    ("token", "inputs", "path"),
    [
        (GLOBAL, GIVEN, "global"),
        (REGIONAL, {**GIVEN, "region": "europe-west4"}, "regions/europe-west4"),
    ],
)
def test_a_policy_is_where_its_load_balancer_is(token, inputs, path):
    provider, request, faults = checked(token, inputs)
    assert faults == []

    identifier, outputs = provider.create(request)

    name = request.inputs["name"]
    assert identifier == f"projects/my-project/{path}/sslPolicies/{name}"
    assert outputs["selfLink"].endswith(identifier)


@pytest.mark.parametrize("token", [GLOBAL, REGIONAL])
@pytest.mark.parametrize(
    ("inputs", "faults"),
    [
        ({}, []),
        ({"profile": "MODERN", "minTlsVersion": "TLS_1_2"}, []),
        ({"profile": "RESTRICTED", "minTlsVersion": "TLS_1_3"}, []),
        ({"profile": "FIPS_202205", "minTlsVersion": "TLS_1_2"}, []),
        ({"profile": "CUSTOM", "customFeatures": ["TLS_RSA_WITH_AES_128_GCM_SHA256"]}, []),
        ({"profile": UNKNOWN, "minTlsVersion": "TLS_1_3"}, []),
        ({"profile": "STRICT"}, ["profile"]),
        ({"minTlsVersion": "1.2"}, ["minTlsVersion"]),
        ({"minTlsVersion": "TLS_1_3"}, ["profile"]),
        ({"profile": "FIPS_202205"}, ["minTlsVersion"]),
        ({"profile": "MODERN", "customFeatures": ["TLS_RSA"]}, ["customFeatures"]),
        ({"postQuantumKeyExchange": "NEVER"}, ["postQuantumKeyExchange"]),
        ({"name": "Web"}, ["name"]),
    ],
)
def test_what_google_would_refuse_is_refused(token, inputs, faults):
    assert checked(token, inputs)[2] == faults


def test_a_policy_moves_to_no_other_region():
    provider, request, _ = checked(REGIONAL, {**GIVEN, "region": "us-central1"})
    moved = Request(
        urn=request.urn,
        inputs={**request.inputs, "region": "europe-west4", "profile": "MODERN"},
        old_inputs=request.inputs,
    )

    assert provider.diff(moved).replacing == [("region",)]
