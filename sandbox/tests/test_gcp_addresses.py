"""Reserved addresses in the simulated gcp provider: what they are, and what Google would refuse."""

from typing import Any

import pytest

from sandbox.gke.addresses import reserved_address
from sandbox.providers.gcp import Gcp
from sandbox.providers.plugin import Request, Urn

GLOBAL, REGIONAL = "gcp:compute/globalAddress:GlobalAddress", "gcp:compute/address:Address"
SHARED = {
    "addressType": "INTERNAL",
    "purpose": "SHARED_LOADBALANCER_VIP",
    "region": "us-central1",
    "subnetwork": "nodes",
}


@pytest.fixture
def provider() -> Gcp:
    provider = Gcp()
    provider.configure({"project": "my-project", "region": "us-central1"})
    return provider


def checked(provider: Gcp, token: str, inputs: dict[str, Any]) -> tuple[Request, list[str]]:
    urn = Urn(f"urn:pulumi:dev::tfserving::{token}::web-address")
    filled, failures = provider.check(urn, {}, inputs, b"seed")
    found = [f"{failure.property}: {failure.reason}" for failure in failures]
    return Request(urn=urn, id="", inputs=filled, old_inputs={}, old_outputs={}), found


@pytest.mark.parametrize(
    ("token", "inputs", "path"),
    [
        (GLOBAL, {}, "global"),
        (REGIONAL, SHARED, "regions/us-central1"),
        (REGIONAL, {}, "regions/us-central1"),
    ],
)
def test_an_address_is_what_load_balancers_take_its_name_for(provider, token, inputs, path):
    request, faults = checked(provider, token, inputs)
    assert faults == []

    identifier, outputs = provider.create(request)

    name = request.inputs["name"]
    assert identifier == f"projects/my-project/{path}/addresses/{name}"
    assert outputs["address"] == reserved_address(name, inputs == SHARED)
    assert outputs["selfLink"].endswith(identifier)


def test_an_address_that_the_program_names_stays(provider):
    request, faults = checked(provider, REGIONAL, {**SHARED, "address": "10.60.0.9"})
    assert faults == []

    assert provider.create(request)[1]["address"] == "10.60.0.9"


def test_a_preview_does_not_know_it(provider):
    request, _ = checked(provider, GLOBAL, {})
    preview = Request(**{**vars(request), "preview": True})

    assert provider.create(preview)[1]["address"] != reserved_address(request.inputs["name"])


@pytest.mark.parametrize(
    ("token", "inputs", "fault"),
    [
        (GLOBAL, {"name": "Web"}, "name"),
        (GLOBAL, {"addressType": "PUBLIC"}, "addressType"),
        (GLOBAL, {"ipVersion": "4"}, "ipVersion"),
        (GLOBAL, {"network": "main"}, "network"),
        (GLOBAL, {"addressType": "INTERNAL", "purpose": "GCE_ENDPOINT"}, "purpose"),
        (GLOBAL, {"purpose": "VPC_PEERING"}, "purpose"),
        (REGIONAL, {**SHARED, "region": "us-central1-f"}, "region"),
        (REGIONAL, {**SHARED, "purpose": "SHARED"}, "purpose"),
        (REGIONAL, {**SHARED, "networkTier": "PREMIUM"}, "networkTier"),
        (REGIONAL, {"networkTier": "CHEAP"}, "networkTier"),
        (REGIONAL, {"subnetwork": "nodes"}, "subnetwork"),
        (
            REGIONAL,
            {key: value for key, value in SHARED.items() if key != "subnetwork"},
            "subnetwork",
        ),
    ],
)
def test_what_google_would_refuse_is_refused(provider, token, inputs, fault):
    _, faults = checked(provider, token, inputs)

    assert len(faults) == 1
    assert faults[0].startswith(f"{fault}: ")


@pytest.mark.parametrize("change", ["name", "address", "addressType", "purpose"])
@pytest.mark.parametrize("token", [GLOBAL, REGIONAL])
def test_an_address_never_changes(provider, token, change):
    request, _ = checked(provider, token, {})
    old = {**request.inputs, change: "before"}
    changed = Request(**{**vars(request), "old_inputs": old, "inputs": {**old, change: "after"}})

    assert (change,) in provider.diff(changed).replacing
