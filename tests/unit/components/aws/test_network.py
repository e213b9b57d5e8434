"""Network: addresses that never overlap or move, and a way out for each kind of subnet."""

from ipaddress import IPv4Network
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.aws.network import (
    ZONE_LETTERS,
    ExistingNetworkSpec,
    Network,
    NetworkArgs,
    NetworkSpec,
    subnet_cidr,
)
from components.spec import SpecError

ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
GATEWAY = "aws:ec2/natGateway:NatGateway"
ROUTE = "aws:ec2/route:Route"
SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup"
SUBNET = "aws:ec2/subnet:Subnet"
VPC = "aws:ec2/vpc:Vpc"
KINDS = ("private", "public")


def a_network(**spec: Any) -> Network:
    sound: dict[str, Any] = {"cidr": "10.0.0.0/16", "zones": ("us-west-2a", "us-west-2c")}
    return Network(
        "net",
        NetworkArgs(spec=NetworkSpec(**{**sound, **spec}), region="us-west-2", tags={"team": "ml"}),
    )


def ways_out(cloud: Any) -> dict[str, str]:
    """Return the gateway that each route table goes out through."""
    return {
        route["routeTableId"]: route.get("natGatewayId") or route["gatewayId"]
        for route in cloud.all(ROUTE).values()
        if route["destinationCidrBlock"] == "0.0.0.0/0"
    }


@given(st.integers(16, 24), st.integers(0, 2**8 - 1))
def test_subnets_stay_inside_and_never_overlap(prefix, block):
    cidr = f"{IPv4Network((10 << 24 | block << (32 - prefix), prefix))}"
    subnets = [
        IPv4Network(subnet_cidr(cidr, kind, f"us-west-2{letter}"))
        for kind in ("private", "public")
        for letter in ZONE_LETTERS
    ]

    assert all(subnet.subnet_of(IPv4Network(cidr)) for subnet in subnets)
    assert not any(one.overlaps(other) for one, other in combinations(subnets, 2))
    assert {subnet.prefixlen for subnet in subnets} == {prefix + 4}


def test_a_subnet_keeps_its_addresses_whichever_other_zones_there_are(cloud):
    cloud.run(lambda: a_network(zones=("us-west-2c", "us-west-2b")))

    blocks = {name: subnet["cidrBlock"] for name, subnet in cloud.all(SUBNET).items()}
    assert blocks == {
        "net-private-us-west-2b": "10.0.16.0/20",
        "net-private-us-west-2c": "10.0.32.0/20",
        "net-public-us-west-2b": "10.0.144.0/20",
        "net-public-us-west-2c": "10.0.160.0/20",
    }


def test_subnets_are_in_their_zone_and_found_by_load_balancers(cloud):
    cloud.run(a_network)

    private, public = (cloud.one(SUBNET, f"net-{kind}-us-west-2c") for kind in KINDS)
    assert private["availabilityZone"] == public["availabilityZone"] == "us-west-2c"
    assert private["tags"] == {
        "team": "ml",
        "Name": "net-private-us-west-2c",
        "kubernetes.io/role/internal-elb": "1",
    }
    assert public["tags"] == {
        "team": "ml",
        "Name": "net-public-us-west-2c",
        "kubernetes.io/role/elb": "1",
    }


def test_names_resolve_inside_the_vpc(cloud):
    cloud.run(a_network)

    vpc = cloud.one(VPC)
    assert vpc["cidrBlock"] == "10.0.0.0/16"
    assert vpc["enableDnsHostnames"] is vpc["enableDnsSupport"] is True


def test_every_subnet_has_the_route_table_of_its_kind(cloud):
    cloud.run(a_network)

    tables = {each["subnetId"]: each["routeTableId"] for each in cloud.all(ASSOCIATION).values()}
    assert tables == {
        "net-public-us-west-2a-id": "net-public-id",
        "net-public-us-west-2c-id": "net-public-id",
        "net-private-us-west-2a-id": "net-private-us-west-2a-routes-id",
        "net-private-us-west-2c-id": "net-private-us-west-2c-routes-id",
    }


def test_a_single_gateway_serves_every_zone(cloud):
    cloud.run(lambda: a_network(nat="single"))

    assert [*cloud.all(GATEWAY)] == ["net-nat-us-west-2a"]
    assert ways_out(cloud) == {
        "net-public-id": "net-internet-id",
        "net-private-us-west-2a-routes-id": "net-nat-us-west-2a-id",
        "net-private-us-west-2c-routes-id": "net-nat-us-west-2a-id",
    }


def test_each_zone_may_have_a_gateway_of_its_own(cloud):
    cloud.run(lambda: a_network(nat="per_zone"))

    assert ways_out(cloud) == {
        "net-public-id": "net-internet-id",
        "net-private-us-west-2a-routes-id": "net-nat-us-west-2a-id",
        "net-private-us-west-2c-routes-id": "net-nat-us-west-2c-id",
    }


def test_without_gateways_only_public_subnets_have_a_way_out(cloud):
    cloud.run(lambda: a_network(nat="none"))

    assert ways_out(cloud) == {"net-public-id": "net-internet-id"}
    assert GATEWAY not in cloud.types()


def test_a_gateway_is_public_and_waits_for_the_internet(cloud):
    cloud.run(a_network)

    gateway = cloud.one(GATEWAY)
    assert gateway["subnetId"] == "net-public-us-west-2a-id"
    assert gateway["allocationId"] == "net-nat-us-west-2a-address-allocation"
    assert cloud.one("aws:ec2/eip:Eip")["domain"] == "vpc"
    assert "net-internet" in cloud.waits_for(GATEWAY)


def test_s3_is_reached_without_a_gateway_from_every_subnet(cloud):
    cloud.run(a_network)

    endpoint = cloud.one(ENDPOINT)
    assert endpoint["serviceName"] == "com.amazonaws.us-west-2.s3"
    assert endpoint["vpcEndpointType"] == "Gateway"
    assert set(endpoint["routeTableIds"]) == {
        "net-public-id",
        "net-private-us-west-2a-routes-id",
        "net-private-us-west-2c-routes-id",
    }


def test_aws_is_called_inside_the_vpc_where_endpoints_are_asked_for(cloud):
    cloud.run(lambda: a_network(interface_endpoints=("ecr.api", "sts")))

    for service in ("ecr.api", "sts"):
        endpoint = cloud.one(ENDPOINT, f"net-{service}")
        assert endpoint["serviceName"] == f"com.amazonaws.us-west-2.{service}"
        assert endpoint["vpcEndpointType"] == "Interface"
        assert endpoint["privateDnsEnabled"] is True
        assert endpoint["subnetIds"] == ["net-private-us-west-2a-id", "net-private-us-west-2c-id"]
        assert endpoint["securityGroupIds"] == ["net-endpoints-id"]
        assert endpoint["tags"] == {"team": "ml", "Name": f"net-{service}"}


def test_only_the_vpc_calls_them_and_only_by_https(cloud):
    cloud.run(lambda: a_network(interface_endpoints=("sts",)))

    group = cloud.one(SECURITY_GROUP)
    (rule,) = group["ingress"]
    assert group["vpcId"] == "net-vpc-id"
    assert (rule["protocol"], rule["fromPort"], rule["toPort"]) == ("tcp", 443, 443)
    assert rule["cidrBlocks"] == ["10.0.0.0/16"]


def test_without_endpoints_there_is_no_group_for_them(cloud):
    cloud.run(a_network)

    assert SECURITY_GROUP not in cloud.types()


def test_an_endpoint_is_asked_for_once():
    with pytest.raises(SpecError, match="interface_endpoints: must be different"):
        NetworkSpec(
            cidr="10.0.0.0/16", zones=("us-west-2a", "us-west-2c"), interface_endpoints=("sts",) * 2
        )


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"vpc_id": "my-vpc"}, "vpc_id: must be the id of a VPC: vpc-0a1b2c3d, got 'my-vpc'"),
        ({"public_subnet_ids": ("a",)}, "public_subnet_ids.0: must be the id of a subnet"),
        ({"private_subnet_ids": ("subnet-0a1b2c3d",)}, "must be two or more different subnets"),
        ({"private_subnet_ids": ("subnet-0a1b2c3d",) * 2}, "must be two or more different subnets"),
        ({"cidr": "10.0.0.1/16"}, "cidr: must be an IPv4 network, such as 10.50.0.0/16"),
    ],
)
def test_an_existing_network_is_told_by_ids(spec, message):
    sound = {"vpc_id": "vpc-0a1b2c3d", "private_subnet_ids": ("subnet-0a1b2c3d", "subnet-0a1b2c3e")}
    ExistingNetworkSpec(**sound)

    with pytest.raises(SpecError) as refusal:
        ExistingNetworkSpec(**{**sound, **spec})

    assert message in str(refusal.value)


@pytest.mark.parametrize("typ", [VPC, ENDPOINT, GATEWAY, "aws:ec2/internetGateway:InternetGateway"])
def test_every_child_belongs_to_it_and_carries_its_tags(cloud, typ):
    cloud.run(a_network)

    assert cloud.parent_of(typ) == "tfserving:index:Network::net"
    assert cloud.one(typ)["tags"]["team"] == "ml"


def test_it_promises_its_vpc_and_subnets(cloud):
    network = cloud.run(a_network)

    assert cloud.promised(network) == {
        "vpc_id": "net-vpc-id",
        "private_subnet_ids": ["net-private-us-west-2a-id", "net-private-us-west-2c-id"],
        "public_subnet_ids": ["net-public-us-west-2a-id", "net-public-us-west-2c-id"],
    }
