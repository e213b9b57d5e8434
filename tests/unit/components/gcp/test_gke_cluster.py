"""GkeCluster: the control plane it asks for, and how it is reached."""

import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from components.gcp.gke_cluster import (
    EndpointSpec,
    GkeCluster,
    GkeClusterArgs,
    GkeClusterSpec,
    kubeconfig,
)
from components.spec import SpecError

CLUSTER = "gcp:container/cluster:Cluster"
OFFICE = "203.0.113.0/24"


def a_cluster(service_account: str | None = None, **spec: Any) -> GkeCluster:
    return GkeCluster(
        "prod",
        GkeClusterArgs(
            spec=GkeClusterSpec(**{"name": "cluster-1", "location": "us-central1", **spec}),
            project="my-project",
            network="net",
            subnetwork="subnet",
            pods_range="pods",
            services_range="services",
            labels={"team": "ml"},
            service_account=service_account,
        ),
    )


def refusal_of(spec: Any, **given: Any) -> str:
    with pytest.raises(SpecError) as refusal:
        spec(**given)
    return str(refusal.value)


def test_the_control_plane_is_in_the_given_network(cloud):
    cloud.run(a_cluster)

    cluster = cloud.one(CLUSTER)
    assert (cluster["name"], cluster["project"]) == ("cluster-1", "my-project")
    assert (cluster["network"], cluster["subnetwork"]) == ("net", "subnet")
    assert cluster["networkingMode"] == "VPC_NATIVE"
    assert cluster["ipAllocationPolicy"] == {
        "clusterSecondaryRangeName": "pods",
        "servicesSecondaryRangeName": "services",
    }
    assert cluster["resourceLabels"] == {"team": "ml"}


def test_a_regional_cluster_names_every_zone_of_its_nodes(cloud):
    cloud.run(a_cluster)

    cluster = cloud.one(CLUSTER)
    assert cluster["location"] == "us-central1"
    assert cluster["nodeLocations"] == ["us-central1-a", "us-central1-b", "us-central1-c"]


def test_a_zonal_cluster_names_the_other_zones_of_its_nodes(cloud):
    zones = ("us-central1-f", "us-central1-a")
    cloud.run(lambda: a_cluster(location="us-central1-f", zones=zones))

    assert cloud.one(CLUSTER)["nodeLocations"] == ["us-central1-a"]


def test_a_cluster_of_one_zone_names_none(cloud):
    cloud.run(lambda: a_cluster(location="us-central1-f"))

    cluster = cloud.one(CLUSTER)
    assert cluster["location"] == "us-central1-f"
    assert "nodeLocations" not in cluster


@pytest.mark.parametrize(
    ("spec", "region", "zones"),
    [
        (
            {"location": "us-central1"},
            "us-central1",
            ("us-central1-a", "us-central1-b", "us-central1-c"),
        ),
        ({"location": "us-central1-f"}, "us-central1", ("us-central1-f",)),
        (
            {"location": "us-central1", "zones": ("us-central1-f",)},
            "us-central1",
            ("us-central1-f",),
        ),
    ],
)
def test_nodes_are_in_the_zones_of_the_spec_or_of_its_location(spec, region, zones):
    cluster = GkeClusterSpec(name="cluster-1", **spec)

    assert (cluster.region, cluster.node_zones) == (region, zones)


def test_the_version_is_left_to_the_channel(cloud):
    cloud.run(lambda: a_cluster(release_channel="STABLE"))

    cluster = cloud.one(CLUSTER)
    assert cluster["releaseChannel"] == {"channel": "STABLE"}
    assert "minMasterVersion" not in cluster
    assert GkeClusterSpec(name="a", location="us-central1").release_channel == "REGULAR"


def test_nothing_is_left_of_the_first_pool(cloud):
    cloud.run(a_cluster)

    cluster = cloud.one(CLUSTER)
    assert cluster["removeDefaultNodePool"] is True
    assert cluster["initialNodeCount"] == 1
    assert "nodeConfig" not in cluster


def test_the_first_pool_runs_as_the_given_account_and_is_not_asked_about_again(cloud):
    cloud.run(lambda: a_cluster(service_account="nodes@invalid"))

    assert cloud.one(CLUSTER)["nodeConfig"] == {
        "serviceAccount": "nodes@invalid",
        "oauthScopes": ["https://www.googleapis.com/auth/cloud-platform"],
    }
    assert cloud.options(CLUSTER).ignoreChanges == ["nodeConfig"]


def test_nodes_are_private_and_shielded_and_policies_are_enforced(cloud):
    cloud.run(a_cluster)

    cluster = cloud.one(CLUSTER)
    assert cluster["privateClusterConfig"] == {"enablePrivateNodes": True}
    assert cluster["enableShieldedNodes"] is True
    assert cluster["datapathProvider"] == "ADVANCED_DATAPATH"


def test_pods_are_their_service_account_and_nobody_has_a_certificate(cloud):
    cloud.run(a_cluster)

    cluster = cloud.one(CLUSTER)
    assert cluster["workloadIdentityConfig"] == {"workloadPool": "my-project.svc.id.goog"}
    assert cluster["masterAuth"] == {"clientCertificateConfig": {"issueClientCertificate": False}}


def test_gateways_and_metrics_of_pods_are_understood(cloud):
    cloud.run(a_cluster)

    cluster = cloud.one(CLUSTER)
    assert cluster["gatewayApiConfig"] == {"channel": "CHANNEL_STANDARD"}
    assert cluster["addonsConfig"] == {
        "httpLoadBalancing": {"disabled": False},
        "dnsCacheConfig": {"enabled": False},
    }
    assert cluster["loggingConfig"] == {"enableComponents": ["SYSTEM_COMPONENTS", "WORKLOADS"]}
    assert cluster["monitoringConfig"] == {
        "enableComponents": ["SYSTEM_COMPONENTS"],
        "managedPrometheus": {"enabled": True},
    }
    assert cluster["costManagementConfig"] == {"enabled": True}


def test_it_is_reached_by_name_unless_networks_are_named(cloud):
    cloud.run(a_cluster)

    cluster = cloud.one(CLUSTER)
    assert cluster["controlPlaneEndpointsConfig"] == {
        "dnsEndpointConfig": {"allowExternalTraffic": True},
        "ipEndpointsConfig": {"enabled": False},
    }
    assert "masterAuthorizedNetworksConfig" not in cluster


def test_it_is_reached_by_its_address_from_named_networks_only(cloud):
    endpoint = EndpointSpec(dns=False, authorized_networks=(OFFICE, "198.51.100.7/32"))
    cloud.run(lambda: a_cluster(endpoint=endpoint))

    cluster = cloud.one(CLUSTER)
    assert cluster["controlPlaneEndpointsConfig"] == {
        "dnsEndpointConfig": {"allowExternalTraffic": False},
        "ipEndpointsConfig": {"enabled": True},
    }
    assert cluster["masterAuthorizedNetworksConfig"] == {
        "cidrBlocks": [{"cidrBlock": OFFICE}, {"cidrBlock": "198.51.100.7/32"}],
        "gcpPublicCidrsAccessEnabled": False,
    }


@pytest.mark.parametrize("protection", [True, False])
def test_it_is_deleted_unless_it_is_protected(cloud, protection):
    cloud.run(lambda: a_cluster(deletion_protection=protection))

    assert cloud.one(CLUSTER)["deletionProtection"] is protection


def test_it_is_neither_protected_nor_labelled_unless_it_is_said(cloud):
    spec = GkeClusterSpec(name="cluster-1", location="us-central1")
    place = dict.fromkeys(("project", "network", "subnetwork", "pods_range", "services_range"), "a")
    cloud.run(lambda: GkeCluster("prod", GkeClusterArgs(spec=spec, **place)))

    cluster = cloud.one(CLUSTER)
    assert (cluster["deletionProtection"], cluster["resourceLabels"]) == (False, {})


def test_a_name_is_trusted_by_everyone_and_an_address_by_who_has_the_certificate():
    by_name = json.loads(kubeconfig("cluster-1", "gke-0123.invalid"))
    by_address = json.loads(kubeconfig("cluster-1", "203.0.113.7", "Q0E="))

    assert by_name["clusters"] == [
        {"name": "cluster-1", "cluster": {"server": "https://gke-0123.invalid"}}
    ]
    assert by_address["clusters"] == [
        {
            "name": "cluster-1",
            "cluster": {"server": "https://203.0.113.7", "certificate-authority-data": "Q0E="},
        }
    ]
    for of_both in (by_name, by_address):
        assert (of_both["apiVersion"], of_both["kind"]) == ("v1", "Config")
        assert of_both["current-context"] == "cluster-1"
        assert of_both["contexts"] == [
            {"name": "cluster-1", "context": {"cluster": "cluster-1", "user": "cluster-1"}}
        ]


def test_who_uses_it_is_asked_of_gcloud():
    (user,) = json.loads(kubeconfig("cluster-1", "gke-0123.invalid"))["users"]

    assert user == {
        "name": "cluster-1",
        "user": {
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1beta1",
                "command": "gke-gcloud-auth-plugin",
                "installHint": "gcloud components install gke-gcloud-auth-plugin",
                "provideClusterInfo": True,
            }
        },
    }


@pytest.mark.parametrize(
    ("endpoint", "server"),
    [
        (EndpointSpec(), ("gke-0123.invalid",)),
        (EndpointSpec(authorized_networks=(OFFICE,)), ("gke-0123.invalid",)),
        (EndpointSpec(dns=False, authorized_networks=(OFFICE,)), ("203.0.113.7", "Q0E=")),
    ],
)
def test_it_promises_its_name_and_a_secret_kubeconfig(cloud, endpoint, server):
    cluster = cloud.run(lambda: a_cluster(endpoint=endpoint))

    promised = cloud.promised(cluster)
    assert promised["cluster_name"] == "cluster-1"
    assert set(promised) == {"cluster_name", "kubeconfig"}
    assert cloud.value(cluster.kubeconfig) == kubeconfig("cluster-1", *server)
    assert cloud.value_is_secret(cluster.kubeconfig)


def test_the_cluster_belongs_to_it(cloud):
    cloud.run(a_cluster)

    assert [*cloud.all(CLUSTER)] == ["prod-cluster"]
    assert cloud.parent_of(CLUSTER) == "tfserving:index:GkeCluster::prod"


def test_somebody_reaches_the_api():
    assert refusal_of(EndpointSpec, dns=False) == (
        "dns: must be true when authorized_networks is empty, got False"
    )


def test_networks_are_no_more_than_gke_takes():
    networks = tuple(f"203.0.113.{number}/32" for number in range(101))

    assert refusal_of(EndpointSpec, authorized_networks=networks) == (
        "authorized_networks: must be at most 100 networks, got 101"
    )
    assert EndpointSpec(authorized_networks=networks[1:]).dns


def test_networks_are_networks():
    assert refusal_of(EndpointSpec, authorized_networks=(OFFICE, "203.0.113.1/24")) == (
        "authorized_networks.1: must be an IPv4 network, such as 203.0.113.0/24, "
        "got '203.0.113.1/24'"
    )


@pytest.mark.parametrize("networks", [("0.0.0.0/0",), ("0.0.0.0/1", "128.0.0.0/1")])
def test_an_endpoint_that_is_open_to_the_world_has_to_be_meant(networks):
    message = refusal_of(EndpointSpec, authorized_networks=networks)

    assert "authorized_networks: must not be open to the world" in message
    assert EndpointSpec(authorized_networks=networks, open_to_world=True).dns


@pytest.mark.parametrize("name", ["a", "cluster-1", "a" * 40])
def test_a_name_is_what_gke_takes(name):
    assert GkeClusterSpec(name=name, location="us-central1").name == name


@pytest.mark.parametrize("name", ["", "1a", "a-", "A", "a_b", "a" * 41])
def test_a_name_is_nothing_else(name):
    assert refusal_of(GkeClusterSpec, name=name, location="us-central1") == (
        "name: must be 1 to 40 lower-case letters, digits and hyphens, first a letter, no hyphen "
        f"at the end, got {name!r}"
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"location": "us-central1-z"},
            "location: must be a region or zone of Compute Engine, such as us-central1-a, "
            "us-central1-b, us-central1-c, us-central1-f, got 'us-central1-z'",
        ),
        (
            {"zones": ("us-central1-a", "us-east1-b")},
            "zones.1: must be a zone of us-central1: us-central1-a, us-central1-b, us-central1-c, "
            "us-central1-f, got 'us-east1-b'",
        ),
        (
            {"zones": ("us-central1-a",) * 2},
            "zones: must be different, got ('us-central1-a', 'us-central1-a')",
        ),
        # Of an unknown place there is but one thing to say.
        (
            {"location": "us-east9-b", "zones": ("us-east9-b",)},
            "location: must be a region or zone of Compute Engine, such as us-east5-a, us-east5-b, "
            "us-east5-c, got 'us-east9-b'",
        ),
    ],
)
def test_the_cluster_and_its_nodes_are_in_one_region_that_there_is(given, message):
    sound = {"name": "cluster-1", "location": "us-central1"}

    assert refusal_of(GkeClusterSpec, **{**sound, **given}) == message


def test_a_release_channel_is_one():
    with pytest.raises(ValidationError, match="'RAPID', 'REGULAR', 'STABLE' or 'EXTENDED'"):
        TypeAdapter(GkeClusterSpec).validate_python(
            {"name": "a", "location": "us-central1", "release_channel": "NONE"}
        )
