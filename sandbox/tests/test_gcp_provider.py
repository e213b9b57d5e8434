"""The gcp provider: its rows, its configuration, what a change replaces, what is recorded."""

from types import ModuleType
from typing import Any

import pytest

from sandbox.layout import MARKER, Layout
from sandbox.processes import write_atomically
from sandbox.providers import gcp, sdk_schema
from sandbox.providers.gcp import ROWS, Gcp
from sandbox.providers.gcp.checks import node_locations
from sandbox.providers.plugin import Refused, Request, Urn
from sandbox.providers.values import UNKNOWN
from sandbox.tests.gcp_inputs import (
    ACCOUNT,
    ADDRESS,
    BUCKET,
    BUCKET_MEMBER,
    CLUSTER,
    NAT,
    NETWORK,
    NODE_POOL,
    NODES,
    OBJECT,
    POLICY,
    PROJECT_MEMBER,
    REGION_SSL_POLICY,
    ROUTER,
    SUBNETWORK,
    VALID,
    configured,
    refusals,
)


def test_every_row_has_inputs_to_be_tested_with():
    assert ROWS.keys() == VALID.keys()


def test_no_type_has_two_rows():
    modules = (module for module in vars(gcp).values() if isinstance(module, ModuleType))
    tokens = [row.token for module in modules for row in getattr(module, "ROWS", ())]
    assert sorted(tokens) == sorted(ROWS)


@pytest.mark.parametrize("token", VALID)
def test_what_google_cloud_takes_is_taken(token):
    assert refusals(token) == {}


@pytest.mark.parametrize("token", VALID)
def test_a_property_that_the_type_has_not_is_refused_by_name(token):
    assert "is no property of" in refusals(token, bukcet="x")["bukcet"]


@pytest.mark.parametrize("token", VALID)
def test_the_properties_that_force_replacement_are_the_types_own(token):
    known = sdk_schema.output_names(token) | {"namePrefix"}
    assert {name.split(".")[0] for name in ROWS[token].replaces} <= known


def test_a_project_that_nobody_names_is_told(tmp_path):
    nowhere = configured(project=None)

    found = refusals(NETWORK, nowhere)

    assert found == {"project": "required field is not set: give gcp:project in the stack's file"}
    assert refusals(NETWORK, nowhere, project="my-project") == {}
    assert refusals(OBJECT, nowhere) == {}  # it is in a bucket, wherever that is


NOWHERE = "required field is not set: give gcp:"


@pytest.mark.parametrize(
    ("token", "name", "key"),
    [
        (SUBNETWORK, "region", "region"),
        (ROUTER, "region", "region"),
        (NAT, "region", "region"),
        (ADDRESS, "region", "region"),
        (REGION_SSL_POLICY, "region", "region"),
        (CLUSTER, "location", "zone or gcp:region"),
        (NODE_POOL, "location", "zone or gcp:region"),
    ],
)
def test_a_place_that_nobody_names_is_told(token, name, key):
    open_to = {name: None}

    assert refusals(token, **open_to) == {name: f"{NOWHERE}{key} in the stack's file"}
    assert refusals(token, configured(region="us-central1"), **open_to) == {}
    assert refusals(token, configured(zone="us-central1-f"), **open_to) == {}


def test_a_place_that_every_resource_has_to_name_is_not_the_stacks():
    missing = {"location": "location is required and was not given"}

    assert refusals(BUCKET, location=None) == missing
    assert refusals(BUCKET, configured(zone="us-central1-f"), location=None) == missing


@pytest.mark.parametrize(
    ("zones", "place", "reason"),
    [
        (["us-central1-z"], "[0]", "'us-central1-z' is no zone of Compute Engine"),
        (["us-central9-ai1a"], "[0]", "'us-central9-ai1a' is no zone of Compute Engine"),
        (["us-east1-b"], "[0]", "must be in us-central1, got 'us-east1-b'"),
        (["us-central1-a", "us-central1-a"], "[1]", "must be another zone than those before it"),
    ],
)
def test_nodes_are_in_zones_that_there_are_each_named_once(zones, place, reason):
    given = {"location": "us-central1", "nodeLocations": zones}

    (failure, *_) = [each for each in node_locations(given) if each.property.endswith(place)]

    assert failure.reason.startswith(reason)
    for token in (CLUSTER, NODE_POOL):
        assert [*refusals(token, nodeLocations=zones)] == [f"nodeLocations{place}"]


def test_nodes_may_be_in_zones_for_ai_and_where_it_is_not_known_yet():
    zones = ["us-central1-a", "us-central1-ai1a"]

    assert refusals(NODE_POOL, nodeLocations=zones) == {}
    assert [*node_locations({"location": UNKNOWN, "nodeLocations": [UNKNOWN, *zones]})] == []


def test_what_names_no_region_is_in_that_of_the_configured_zone():
    urn = Urn(f"urn:pulumi:dev::tests::{SUBNETWORK}::thing")
    inputs = {"name": "thing", "network": "vpc", "ipCidrRange": "10.60.0.0/20"}

    identifier, outputs = configured(zone="us-east1-b").create(Request(urn=urn, inputs=inputs))

    assert identifier == "projects/my-project/regions/us-east1/subnetworks/thing"
    assert outputs["region"] == "us-east1"


def test_a_project_that_is_none_is_refused_before_anything_is_made():
    (failure,) = Gcp().check_config({"project": "My Project"})

    assert failure.property == "project"
    assert failure.reason.endswith("got 'My Project'")
    assert Gcp().check_config({"project": "my-project"}) == []
    assert Gcp().check_config({}) == []


def test_a_place_of_the_stack_that_is_none_is_refused_before_anything_is_made():
    found = Gcp().check_config({"region": "us-central9", "zone": "us-central1"})

    assert {failure.property: failure.reason.partition(" of ")[0] for failure in found} == {
        "region": "'us-central9' is no region",
        "zone": "'us-central1' is no zone",
    }
    assert Gcp().check_config({"region": "us-central1", "zone": "us-central1-ai1a"}) == []


@pytest.mark.parametrize(("token", "change"), [(SUBNETWORK, "ipCidrRange"), (CLUSTER, "network")])
def test_what_is_not_known_yet_is_not_refused(token, change):
    assert refusals(token, **{change: UNKNOWN}) == {}


@pytest.mark.parametrize("section", ["autoscaling", "nodeConfig", "upgradeSettings"])
def test_a_section_that_is_not_known_yet_is_not_refused(section):
    assert refusals(NODE_POOL, **{section: UNKNOWN}) == {}


def test_a_type_without_a_row_is_refused_by_name():
    urn = Urn("urn:pulumi:dev::tests::gcp:pubsub/topic:Topic::thing")

    with pytest.raises(Refused, match=r"gcp:pubsub/topic:Topic .*thing.* has no row"):
        configured().check(urn, {}, {}, b"seed")


def test_what_has_not_changed_is_not_checked_again():
    urn = Urn(f"urn:pulumi:dev::tests::{NETWORK}::thing")
    once = {"name": "Not A Name"}

    assert configured().check(urn, once, once, b"seed") == (once, [])


@pytest.mark.parametrize(
    ("token", "name", "value"),
    [
        (NETWORK, "autoCreateSubnetworks", True),
        (SUBNETWORK, "network", "another"),
        (SUBNETWORK, "ipCidrRange", "10.60.0.0/21"),
        (SUBNETWORK, "ipCidrRange", UNKNOWN),
        (NAT, "router", "another"),
        (POLICY, "type", "CLOUD_ARMOR_EDGE"),
        (CLUSTER, "location", "us-east1"),
        (CLUSTER, "initialNodeCount", 2),
        (CLUSTER, "datapathProvider", "LEGACY_DATAPATH"),
        (NODE_POOL, "initialNodeCount", 2),
        (NODE_POOL, "location", "us-east1"),
        (NODE_POOL, "nodeConfig", {**VALID[NODE_POOL]["nodeConfig"], "spot": False}),
        (NODE_POOL, "nodeConfig", {**VALID[NODE_POOL]["nodeConfig"], "soleTenantConfig": {}}),
        (NODE_POOL, "networkConfig", {"podRange": "pods"}),
        (ACCOUNT, "accountId", "another"),
        (PROJECT_MEMBER, "role", "roles/viewer"),
        (BUCKET, "location", "EU"),
        (BUCKET_MEMBER, "member", "allUsers"),
        (OBJECT, "metadata", {"sha256": "0"}),
    ],
)
def test_a_change_that_google_cloud_cannot_make_in_place_replaces(token, name, value):
    assert {path[0] for path in changes(token, name, value).replacing} == {name}


@pytest.mark.parametrize(
    ("token", "name", "value"),
    [
        (SUBNETWORK, "ipCidrRange", "10.60.0.0/19"),
        (CLUSTER, "nodeLocations", ["us-central1-a"]),
        (CLUSTER, "deletionProtection", True),
        (NODE_POOL, "autoscaling", {"totalMaxNodeCount": 9}),
        (NODE_POOL, "networkConfig", {"enablePrivateNodes": True}),
        (NODE_POOL, "nodeLocations", ["us-central1-a", "us-central1-b"]),
        (NODE_POOL, "nodeConfig", {**VALID[NODE_POOL]["nodeConfig"], "machineType": "e2-medium"}),
        (BUCKET, "versioning", {"enabled": False}),
        (OBJECT, "content", "y"),
    ],
)
def test_a_change_that_google_cloud_can_make_in_place_does_not_replace(token, name, value):
    found = changes(token, name, value)

    assert {path[0] for path in found.changes} == {name}
    assert not found.replacing


def test_what_a_cluster_gets_is_not_known_in_a_preview(tmp_path, monkeypatch):
    layout = Layout(tmp_path)
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority": str(tmp_path / "ca")}
    write_atomically(layout.kubeconfig("dev"), f"clusters: [{{cluster: {cluster}}}]")
    (tmp_path / "ca").write_text("an authority")
    monkeypatch.setenv(MARKER, str(layout.state))
    urn = Urn(f"urn:pulumi:dev::tests::{CLUSTER}::thing")
    dns = {"dnsEndpointConfig": {"allowExternalTraffic": True}}

    inputs = {**VALID[CLUSTER], "controlPlaneEndpointsConfig": dns}
    _, planned = configured().create(Request(urn=urn, inputs=inputs, preview=True))
    _, made = configured().create(Request(urn=urn, inputs=inputs))

    assert planned["endpoint"] == UNKNOWN
    assert planned["masterAuth"]["clusterCaCertificate"] == UNKNOWN
    assert planned["controlPlaneEndpointsConfig"]["dnsEndpointConfig"] == {
        "allowExternalTraffic": True,
        "endpoint": UNKNOWN,
    }
    assert made["endpoint"] == "127.0.0.1:1"
    assert made["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]["endpoint"] == "127.0.0.1:1"
    assert made["masterAuth"] == {
        **VALID[CLUSTER]["masterAuth"],
        "clusterCaCertificate": "YW4gYXV0aG9yaXR5",
    }
    assert made["selfLink"].endswith(
        "/projects/my-project/locations/us-central1/clusters/cluster-1"
    )


@pytest.mark.parametrize(
    ("token", "identifier"),
    [
        (NETWORK, "projects/my-project/global/networks/thing"),
        (SUBNETWORK, "projects/my-project/regions/us-central1/subnetworks/thing"),
        (NAT, "my-project/us-central1/router/thing"),
        (
            ACCOUNT,
            "projects/my-project/serviceAccounts/"
            "cluster-1-nodes@my-project.iam.gserviceaccount.com",
        ),
        (PROJECT_MEMBER, f"my-project/roles/container.defaultNodeServiceAccount/{NODES}"),
    ],
)
def test_what_is_recorded_has_the_id_and_project_that_google_cloud_gives(token, identifier):
    urn = Urn(f"urn:pulumi:dev::tests::{token}::thing")
    named = {"name": "thing"} if ROWS[token].named_by == "name" else {}

    found, outputs = configured().create(Request(urn=urn, inputs={**VALID[token], **named}))

    assert found == identifier
    assert outputs["project"] == "my-project"


def test_an_account_is_known_by_its_address():
    urn = Urn(f"urn:pulumi:dev::tests::{ACCOUNT}::thing")

    _, outputs = configured().create(Request(urn=urn, inputs=VALID[ACCOUNT]))

    assert outputs["email"] == "cluster-1-nodes@my-project.iam.gserviceaccount.com"
    assert outputs["member"] == f"serviceAccount:{outputs['email']}"


@pytest.mark.parametrize("protection", [True, None])
def test_a_protected_cluster_is_not_deleted(protection):
    urn = Urn(f"urn:pulumi:dev::tests::{CLUSTER}::thing")
    inputs = {**VALID[CLUSTER], "deletionProtection": protection}

    with pytest.raises(Refused, match="deletionProtection is true: set it to false"):
        configured().delete(Request(urn=urn, inputs=inputs))
    configured().delete(Request(urn=urn, inputs=VALID[CLUSTER]))


def test_what_is_kept_by_its_policy_is_not_deleted():
    urn = Urn(f"urn:pulumi:dev::tests::{NETWORK}::thing")

    with pytest.raises(Refused, match=r"Network \(thing\): deletionPolicy is PREVENT"):
        configured().delete(Request(urn=urn, inputs={"deletionPolicy": "PREVENT"}))


def changes(token: str, name: str, value: Any) -> Any:
    urn = Urn(f"urn:pulumi:dev::tests::{token}::thing")
    old = VALID[token]
    return configured().diff(Request(urn=urn, old_inputs=old, inputs={**old, name: value}))
