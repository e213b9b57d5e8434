"""Rows of the network: the VPC and its subnets are held, since instances are started in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from sandbox.providers.aws.account import ACCOUNT_ID, OWNER_TAG, Account, is_missing
from sandbox.providers.aws.checks import one_of_shape
from sandbox.providers.aws.resource_type import ResourceType, arn, prefixed
from sandbox.providers.checks import any_of, cidr, exclusive, matches, one_of
from sandbox.providers.resource_type import Inputs, Outputs, by

_DOCS = "https://www.pulumi.com/registry/packages/aws/api-docs/ec2/"
_VPC_SIZES = "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html"
_SUBNET_SIZES = "https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html"
_NAT = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNatGateway.html"
_ENDPOINT = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html"
_RULE = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html"


def owner_tags(kind: str, owner: str) -> list[dict[str, Any]]:
    """Return the tag specification by which an EC2 object is found again."""
    return [{"ResourceType": kind, "Tags": [{"Key": OWNER_TAG, "Value": owner}]}]


def tagged(account: Account, kind: str, owner: str) -> list[str]:
    """Return the ids of the EC2 objects of a kind that carry, or carried, an owner's tag."""
    wanted = {"resource-type": kind, "key": OWNER_TAG, "value": owner}
    filters = [{"Name": name, "Values": [value]} for name, value in wanted.items()]
    found = account.client("ec2").describe_tags(Filters=filters)["Tags"]
    return [tag["ResourceId"] for tag in found]


@dataclass(frozen=True)
class _Ec2Object:
    """A VPC or a subnet: EC2 makes, describes and deletes both in the same words."""

    kind: str
    arguments: Mapping[str, str]

    def create(self, account: Account, inputs: Inputs, owner: str) -> str:
        word = self.kind.capitalize()
        given = {there: inputs[here] for here, there in self.arguments.items() if here in inputs}
        made = getattr(account.client("ec2"), f"create_{self.kind}")(
            **given, TagSpecifications=owner_tags(self.kind, owner)
        )[word]
        return made[f"{word}Id"]

    def find(self, account: Account, owner: str) -> list[str]:
        return tagged(account, self.kind, owner)

    def read(self, account: Account, identifier: str) -> Outputs | None:
        word = self.kind.capitalize()
        describe = getattr(account.client("ec2"), f"describe_{self.kind}s")
        try:
            (found,) = describe(**{f"{word}Ids": [identifier]})[f"{word}s"]
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        return {here: found[there] for here, there in self.arguments.items() if there in found}

    def update(self, account: Account, identifier: str, old: Inputs, new: Inputs) -> None:
        """Nothing that may change in place is read by a running thing."""

    def delete(self, account: Account, identifier: str) -> None:
        word = self.kind.capitalize()
        try:
            getattr(account.client("ec2"), f"delete_{self.kind}")(**{f"{word}Id": identifier})
        except ClientError as error:
            if not is_missing(error):
                raise


def _vpc(account: Account, identifier: str, _inputs: Inputs) -> Outputs:
    suffix = identifier.removeprefix("vpc-")
    return {
        "arn": account.arn("ec2", f"vpc/{identifier}"),
        "ownerId": ACCOUNT_ID,
        "mainRouteTableId": f"rtb-{suffix}",
        "defaultRouteTableId": f"rtb-{suffix}",
        "defaultNetworkAclId": f"acl-{suffix}",
        "defaultSecurityGroupId": f"sg-{suffix}",
    }


def _endpoint(account: Account, identifier: str, _inputs: Inputs) -> Outputs:
    return {
        "arn": account.arn("ec2", f"vpc-endpoint/{identifier}"),
        "ownerId": ACCOUNT_ID,
        "state": "available",
    }


def _address(account: Account, identifier: str, _inputs: Inputs) -> Outputs:
    return {
        "arn": account.arn("ec2", f"elastic-ip/{identifier}"),
        "allocationId": identifier,
        # A documentation address (RFC 5737): nobody can be reached at it.
        "publicIp": f"203.0.113.{int(identifier[-4:], 16) % 254 + 1}",
    }


ROWS = (
    ResourceType(
        token="aws:ec2/vpc:Vpc",
        docs=f"{_DOCS}vpc/",
        identify=prefixed("vpc"),
        computed=_vpc,
        replaces=("cidrBlock", "ipv4IpamPoolId", "instanceTenancy"),
        checks=(
            any_of("cidrBlock", "ipv4IpamPoolId"),
            cidr("cidrBlock", 16, 28, _VPC_SIZES),
            one_of_shape("instanceTenancy", "ec2", "Tenancy"),
        ),
        operations=_Ec2Object("vpc", {"cidrBlock": "CidrBlock"}),
    ),
    ResourceType(
        token="aws:ec2/subnet:Subnet",
        docs=f"{_DOCS}subnet/",
        identify=prefixed("subnet"),
        computed=arn("ec2", "subnet/{id}"),
        replaces=("vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId"),
        checks=(
            cidr("cidrBlock", 16, 28, _SUBNET_SIZES),
            exclusive("availabilityZone", "availabilityZoneId"),
        ),
        operations=_Ec2Object(
            "subnet",
            {"vpcId": "VpcId", "cidrBlock": "CidrBlock", "availabilityZone": "AvailabilityZone"},
        ),
    ),
    ResourceType(
        token="aws:ec2/internetGateway:InternetGateway",
        docs=f"{_DOCS}internetgateway/",
        identify=prefixed("igw"),
        computed=arn("ec2", "internet-gateway/{id}"),
    ),
    ResourceType(
        token="aws:ec2/eip:Eip",
        docs=f"{_DOCS}eip/",
        identify=prefixed("eipalloc"),
        computed=_address,
        replaces=("domain", "address", "publicIpv4Pool"),
        checks=(one_of_shape("domain", "ec2", "DomainType"),),
    ),
    ResourceType(
        token="aws:ec2/natGateway:NatGateway",
        docs=f"{_DOCS}natgateway/",
        identify=prefixed("nat"),
        replaces=("subnetId", "allocationId", "connectivityType", "privateIp"),
        checks=(one_of("connectivityType", ("public", "private"), _NAT),),
    ),
    ResourceType(
        token="aws:ec2/routeTable:RouteTable",
        docs=f"{_DOCS}routetable/",
        identify=prefixed("rtb"),
        computed=arn("ec2", "route-table/{id}"),
        replaces=("vpcId",),
        checks=(cidr("routes.*.cidrBlock", 0, 32, _VPC_SIZES),),
    ),
    ResourceType(
        token="aws:ec2/route:Route",
        docs=f"{_DOCS}route/",
        identify=lambda _, owner, inputs: f"r-{inputs['routeTableId']}{owner[:10]}",
        replaces=("routeTableId", "destinationCidrBlock", "destinationIpv6CidrBlock"),
        checks=(
            cidr("destinationCidrBlock", 0, 32, _VPC_SIZES),
            exclusive("gatewayId", "natGatewayId", "transitGatewayId", "networkInterfaceId"),
            any_of("gatewayId", "natGatewayId", "transitGatewayId", "networkInterfaceId"),
        ),
    ),
    ResourceType(
        token="aws:ec2/routeTableAssociation:RouteTableAssociation",
        docs=f"{_DOCS}routetableassociation/",
        identify=prefixed("rtbassoc"),
        replaces=("subnetId", "gatewayId"),
        checks=(any_of("subnetId", "gatewayId"), exclusive("subnetId", "gatewayId")),
    ),
    ResourceType(
        token="aws:ec2/vpcEndpoint:VpcEndpoint",
        docs=f"{_DOCS}vpcendpoint/",
        identify=prefixed("vpce"),
        computed=_endpoint,
        replaces=("vpcId", "serviceName", "vpcEndpointType"),
        checks=(
            one_of_shape("vpcEndpointType", "ec2", "VpcEndpointType"),
            matches("serviceName", r"com\.amazonaws(\.[a-z0-9-]+)+", _ENDPOINT),
        ),
    ),
    ResourceType(
        token="aws:ec2/securityGroup:SecurityGroup",
        docs=f"{_DOCS}securitygroup/",
        identify=prefixed("sg"),
        named_by="name",
        computed=arn("ec2", "security-group/{id}"),
        replaces=("name", "namePrefix", "description", "vpcId"),
        checks=(
            one_of("ingress.*.protocol", ("tcp", "udp", "icmp", "icmpv6", "-1"), _RULE),
            one_of("egress.*.protocol", ("tcp", "udp", "icmp", "icmpv6", "-1"), _RULE),
        ),
    ),
    ResourceType(
        token="aws:ec2/tag:Tag",
        docs=f"{_DOCS}tag/",
        identify=by("resourceId", "key", separator=","),
        replaces=("resourceId", "key"),
    ),
)
