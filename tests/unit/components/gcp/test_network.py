"""Network: addresses that GKE takes and that never overlap, and a way out."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from components.gcp.network import (
    AnyNetworkSpec,
    ExistingNetworkSpec,
    Network,
    NetworkArgs,
    NetworkSpec,
)
from components.spec import SpecError

NAT = "gcp:compute/routerNat:RouterNat"
NETWORK = "gcp:compute/network:Network"
ROUTER = "gcp:compute/router:Router"
SUBNETWORK = "gcp:compute/subnetwork:Subnetwork"
SOUND = {"cidr": "10.60.0.0/20", "pods_cidr": "10.64.0.0/14", "services_cidr": "10.68.0.0/20"}
EXISTING = {
    "network": "shared",
    "subnetwork": "serving",
    "pods_range": "pods",
    "services_range": "services",
}


def a_network(name: str = "net", **spec: Any) -> Network:
    return Network(name, NetworkArgs(spec=NetworkSpec(**{**SOUND, **spec}), region="us-central1"))


def refusal_of(spec: Any, **given: Any) -> str:
    with pytest.raises(SpecError) as refusal:
        spec(**given)
    return str(refusal.value)


def test_it_has_the_subnetworks_that_it_is_given_and_no_others(cloud):
    cloud.run(a_network)

    assert cloud.one(NETWORK) == {"autoCreateSubnetworks": False, "routingMode": "REGIONAL"}
    assert [*cloud.all(SUBNETWORK)] == ["net-nodes"]


def test_nodes_pods_and_services_have_addresses_of_their_own(cloud):
    cloud.run(a_network)

    assert cloud.one(SUBNETWORK) == {
        "network": "net-vpc-id",
        "region": "us-central1",
        "ipCidrRange": "10.60.0.0/20",
        "secondaryIpRanges": [
            {"rangeName": "pods", "ipCidrRange": "10.64.0.0/14"},
            {"rangeName": "services", "ipCidrRange": "10.68.0.0/20"},
        ],
        "privateIpGoogleAccess": True,
    }


def test_nodes_reach_the_internet_through_nat_that_logs_its_errors(cloud):
    cloud.run(a_network)

    assert cloud.one(ROUTER) == {"network": "net-vpc-id", "region": "us-central1"}
    assert cloud.one(NAT) == {
        "router": "net-router",
        "region": "us-central1",
        "natIpAllocateOption": "AUTO_ONLY",
        "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES",
        "logConfig": {"enable": True, "filter": "ERRORS_ONLY"},
    }


def test_without_nat_there_is_no_way_out(cloud):
    cloud.run(lambda: a_network(nat=False))

    assert cloud.types() == {"tfserving:index:Network", NETWORK, SUBNETWORK}


def test_proxies_of_internal_gateways_have_a_subnetwork_if_they_are_given_one(cloud):
    cloud.run(lambda: a_network(proxy_cidr="10.61.0.0/23"))

    assert cloud.one(SUBNETWORK, "net-proxies") == {
        "network": "net-vpc-id",
        "region": "us-central1",
        "ipCidrRange": "10.61.0.0/23",
        "purpose": "REGIONAL_MANAGED_PROXY",
        "role": "ACTIVE",
    }
    assert cloud.parent_of(SUBNETWORK, "net-proxies") == "tfserving:index:Network::net"


@pytest.mark.parametrize("typ", [NAT, NETWORK, ROUTER, SUBNETWORK])
def test_every_child_belongs_to_it(cloud, typ):
    cloud.run(a_network)

    assert cloud.parent_of(typ) == "tfserving:index:Network::net"


def test_every_name_leaves_room_for_what_pulumi_adds(cloud):
    cloud.run(lambda: a_network("a" * 45 + "-network", proxy_cidr="10.61.0.0/23"))

    names = [name for typ in (NAT, NETWORK, ROUTER, SUBNETWORK) for name in cloud.all(typ)]
    assert len(names) == 5
    assert max(map(len, names)) == 63 - len("-1a2b3c4")


def test_it_promises_what_a_cluster_is_told(cloud):
    network = cloud.run(a_network)

    assert cloud.promised(network) == {
        "network": "net-vpc",
        "subnetwork": "net-nodes",
        "pods_range": "pods",
        "services_range": "services",
    }


@pytest.mark.parametrize(
    ("key", "taken", "refused", "sizes"),
    [
        ("cidr", ["11.0.0.0/8", "172.16.0.0/29"], ["172.16.0.0/30", "0.0.0.0/7"], "/8 to /29"),
        ("pods_cidr", ["11.0.0.0/9", "11.0.0.0/24"], ["11.0.0.0/25", "11.0.0.0/8"], "/9 to /24"),
        (
            "services_cidr",
            ["11.0.0.0/16", "11.0.0.0/27"],
            ["11.0.0.0/28", "11.0.0.0/15"],
            "/16 to /27",
        ),
        ("proxy_cidr", ["11.0.0.0/8", "11.0.0.0/26"], ["11.0.0.0/27", "0.0.0.0/7"], "/8 to /26"),
    ],
)
def test_networks_are_as_large_as_google_cloud_takes_them(key, taken, refused, sizes):
    for cidr in taken:
        assert getattr(NetworkSpec(**{**SOUND, key: cidr}), key) == cidr
    for cidr in [*refused, "10.0.0.1/20", "nonsense", ""]:
        message = refusal_of(NetworkSpec, **{**SOUND, key: cidr})
        assert f"{key}: must be an IPv4 network from {sizes}, got {cidr!r}" in message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"pods_cidr": "10.60.0.0/14"},
            "pods_cidr: must not overlap cidr, 10.60.0.0/20, got '10.60.0.0/14'",
        ),
        (
            {"services_cidr": "10.65.0.0/20"},
            "services_cidr: must not overlap pods_cidr, 10.64.0.0/14, got '10.65.0.0/20'",
        ),
        (
            {"proxy_cidr": "10.68.0.0/26"},
            "proxy_cidr: must not overlap services_cidr, 10.68.0.0/20, got '10.68.0.0/26'",
        ),
    ],
)
def test_no_two_networks_overlap(given, message):
    assert refusal_of(NetworkSpec, **{**SOUND, **given}) == message


@pytest.mark.parametrize("key", ["cidr", "pods_cidr", "services_cidr", "proxy_cidr"])
@pytest.mark.parametrize(
    ("cidr", "by"),
    [
        ("0.128.0.0/20", "0.0.0.0/8, of no network"),
        ("127.0.0.0/20", "127.0.0.0/8, loopback"),
        ("169.254.16.0/20", "169.254.0.0/16, link-local"),
        ("199.36.153.0/24", "199.36.153.4/30, restricted.googleapis.com"),
        ("199.36.153.0/24", "199.36.153.8/30, private.googleapis.com"),
        ("224.0.0.0/20", "224.0.0.0/4, multicast"),
        ("255.255.255.0/24", "255.255.255.255/32, broadcast"),
        ("172.17.16.0/20", "172.17.0.0/16, the Docker bridge of nodes"),
    ],
)
def test_networks_are_none_that_others_have(key, cidr, by):
    message = refusal_of(NetworkSpec, **{**SOUND, key: cidr})

    assert f"{key}: must not overlap {by}, got {cidr!r}" in message


@pytest.mark.parametrize("cidr", ["1.0.0.0/20", "100.64.0.0/20", "172.18.0.0/20", "240.0.0.0/20"])
def test_networks_may_be_private_shared_or_reserved(cidr):
    assert NetworkSpec(**{**SOUND, "cidr": cidr}).cidr == cidr


@pytest.mark.parametrize("key", ["cidr", "proxy_cidr"])
def test_addresses_of_an_existing_network_are_some_that_a_network_may_have(key):
    message = refusal_of(ExistingNetworkSpec, **EXISTING, **{key: "169.254.0.0/20"})

    assert message == (f"{key}: must not overlap 169.254.0.0/16, link-local, got '169.254.0.0/20'")
    assert ExistingNetworkSpec(**EXISTING, **{key: "172.16.0.0/12"})


@pytest.mark.parametrize(
    ("given", "most"),
    [
        ({}, 1024),
        ({"pods_cidr": "10.64.0.0/24"}, 1),
        ({"cidr": "10.60.0.0/29"}, 4),
        ({"cidr": "10.60.0.0/20", "pods_cidr": "10.128.0.0/9"}, 4092),
    ],
)
def test_there_are_addresses_for_so_many_nodes(given, most):
    assert NetworkSpec(**{**SOUND, **given}).most_nodes == most


def test_an_existing_network_is_told_by_names_or_paths():
    shared = "projects/host-1"
    spec = ExistingNetworkSpec(
        **{
            **EXISTING,
            "network": f"{shared}/global/networks/shared",
            "subnetwork": f"{shared}/regions/us-central1/subnetworks/serving",
        },
        cidr="10.60.0.0/20",
        proxy_cidr="10.61.0.0/23",
    )

    assert spec.network == "projects/host-1/global/networks/shared"
    assert ExistingNetworkSpec(**EXISTING).cidr is None
    assert ExistingNetworkSpec(**EXISTING).proxy_cidr is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"network": "Shared"},
            "network: must be the name of a network, or projects/PROJECT/global/networks/NAME, "
            "got 'Shared'",
        ),
        (
            {"network": "projects/p/global/networks/"},
            "network: must be the name of a network, or projects/PROJECT/global/networks/NAME, "
            "got 'projects/p/global/networks/'",
        ),
        (
            {"subnetwork": "us-central1/serving"},
            "subnetwork: must be the name of a subnetwork, or "
            "projects/PROJECT/regions/REGION/subnetworks/NAME, got 'us-central1/serving'",
        ),
        ({"pods_range": ""}, "pods_range: must be the name of a secondary range, got ''"),
        ({"services_range": "1"}, "services_range: must be the name of a secondary range, got '1'"),
        (
            {"cidr": "10.60.0.1/20"},
            "cidr: must be an IPv4 network, such as 10.60.0.0/20, got '10.60.0.1/20'",
        ),
        (
            {"proxy_cidr": "nonsense"},
            "proxy_cidr: must be an IPv4 network, such as 10.60.0.0/20, got 'nonsense'",
        ),
    ],
)
def test_an_existing_network_is_not_told_by_anything_else(given, message):
    assert refusal_of(ExistingNetworkSpec, **{**EXISTING, **given}) == message


def test_the_key_network_says_that_there_is_one_already():
    adapter = TypeAdapter[Any](AnyNetworkSpec)

    assert adapter.validate_python(SOUND) == NetworkSpec(**SOUND)
    assert adapter.validate_python(EXISTING) == ExistingNetworkSpec(**EXISTING)
    assert adapter.validate_python(ExistingNetworkSpec(**EXISTING)).subnetwork == "serving"
    with pytest.raises(ValidationError, match="pods_range"):
        adapter.validate_python({"network": "shared"})
