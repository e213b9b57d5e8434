"""Where a cluster is: a VPC of our own with subnets in each zone, or one that is there already."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from itertools import cycle
from typing import Annotated, Any, Literal, cast

import pulumi
import pulumi_aws as aws
from pydantic import Discriminator, Tag

from components.spec import Fault, Spec, rule

Kind = Literal["private", "public"]
Nat = Literal["single", "per_zone", "none"]
# What nodes, their agents and the controllers call; S3 has its gateway endpoint anyway.
InterfaceEndpoint = Literal[
    "autoscaling",
    "ec2",
    "ecr.api",
    "ecr.dkr",
    "eks",
    "eks-auth",
    "elasticloadbalancing",
    "logs",
    "sqs",
    "ssm",
    "sts",
]

ZONE_LETTERS = "abcdefgh"
_KINDS: Sequence[Kind] = ("private", "public")
_SUBNET_BITS = 4  # sixteen blocks: one for each kind and zone letter
_LARGEST, _SMALLEST = 16, 24  # AWS: a VPC is at most a /16 and a subnet at least a /28
_NAT_GATEWAYS: Mapping[Nat, int | None] = {"none": 0, "single": 1, "per_zone": None}
# How the load balancer controller finds where a load balancer belongs.
_ROLE_TAG: Mapping[Kind, str] = {
    "private": "kubernetes.io/role/internal-elb",
    "public": "kubernetes.io/role/elb",
}


@dataclass(frozen=True, kw_only=True)
class NetworkSpec(Spec):
    """The addresses and zones of a VPC, and how its private subnets reach the internet.

    Interface endpoints keep calls of AWS inside the VPC. They are no replacement for a way out:
    images from Docker Hub, public.ecr.aws and registry.k8s.io are not to be had through them, nor
    is IAM or the pricing of EC2. With `nat: none` nodes join only if there are endpoints for ec2,
    ecr.api, ecr.dkr, eks-auth and sts, and every image is in a registry inside the VPC's reach.
    """

    cidr: str
    zones: tuple[str, ...]
    nat: Nat = "single"
    interface_endpoints: tuple[InterfaceEndpoint, ...] = ()

    @rule
    def _cidr_can_be_cut(self) -> Iterator[Fault]:
        try:
            fits = _LARGEST <= IPv4Network(self.cidr).prefixlen <= _SMALLEST
        except ValueError:
            fits = False
        if not fits:
            limit = f"must be an IPv4 network from /{_LARGEST} to /{_SMALLEST}: 10.50.0.0/16; "
            limit += (
                f"each subnet gets a sixteenth of it, and a /{_SMALLEST + _SUBNET_BITS} or more"
            )
            yield Fault(("cidr",), limit, self.cidr)

    @rule
    def _zones_are_two_or_more(self) -> Iterator[Fault]:
        # https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
        if not 2 <= len(set(self.zones)) == len(self.zones):  # noqa: PLR2004
            yield Fault(("zones",), "must be two or more different zones", self.zones)

    @rule
    def _endpoints_are_different(self) -> Iterator[Fault]:
        if len(set(self.interface_endpoints)) < len(self.interface_endpoints):
            yield Fault(("interface_endpoints",), "must be different", self.interface_endpoints)


@dataclass(frozen=True, kw_only=True)
class ExistingNetworkSpec(Spec):
    """A VPC and subnets that somebody else looks after: routes, endpoints and tags included.

    Load balancers of exposed models go to its subnets, of which an ALB takes one in each zone, and
    their connections come from its addresses; those of Services may not overlap these.
    """

    vpc_id: str
    private_subnet_ids: tuple[str, ...]
    public_subnet_ids: tuple[str, ...] = ()
    cidr: str | None = None

    @rule
    def _ids_are_ids(self) -> Iterator[Fault]:
        if not re.fullmatch(r"vpc-[0-9a-f]{8,17}", self.vpc_id):
            yield Fault(("vpc_id",), "must be the id of a VPC: vpc-0a1b2c3d", self.vpc_id)
        for key in ("private_subnet_ids", "public_subnet_ids"):
            for number, subnet in enumerate(getattr(self, key)):
                if not re.fullmatch(r"subnet-[0-9a-f]{8,17}", subnet):
                    limit = "must be the id of a subnet: subnet-0a1b2c3d"
                    yield Fault((key, number), limit, subnet)

    @rule
    def _private_subnets_are_two_or_more(self) -> Iterator[Fault]:
        # https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
        given = self.private_subnet_ids
        if not 2 <= len(set(given)) == len(given):  # noqa: PLR2004 - EKS asks for two
            limit = "must be two or more different subnets, in two zones at least"
            yield Fault(("private_subnet_ids",), limit, given)

    @rule
    def _cidr_can_be_read(self) -> Iterator[Fault]:
        try:
            IPv4Network(self.cidr or "10.0.0.0/8")
        except ValueError:
            yield Fault(("cidr",), "must be an IPv4 network, such as 10.50.0.0/16", self.cidr)


def _which_network(given: Any) -> str:
    keys = cast(Mapping[str, Any], given) if isinstance(given, Mapping) else ()
    return "[existing]" if isinstance(given, ExistingNetworkSpec) or "vpc_id" in keys else "[new]"


AnyNetworkSpec = Annotated[
    Annotated[NetworkSpec, Tag("[new]")] | Annotated[ExistingNetworkSpec, Tag("[existing]")],
    Discriminator(_which_network),
]
"""A network of our own, or with `vpc_id` an existing one."""


def subnet_cidr(cidr: str, kind: Kind, zone: str) -> str:
    """Return a subnet's block. It hangs on the zone's letter, so that other zones come and go."""
    blocks = [*IPv4Network(cidr).subnets(prefixlen_diff=_SUBNET_BITS)]
    return str(blocks[_KINDS.index(kind) * len(ZONE_LETTERS) + ZONE_LETTERS.index(zone[-1])])


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """What the network is, in which region, and its tags."""

    spec: NetworkSpec
    region: str
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


class Network(pulumi.ComponentResource):
    """Subnets that EKS and its load balancers find by tag, and the way out that the spec names."""

    vpc_id: pulumi.Output[str]
    private_subnet_ids: Sequence[pulumi.Output[str]]
    public_subnet_ids: Sequence[pulumi.Output[str]]

    def __init__(
        self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:Network", name, {}, opts)
        spec = args.spec
        child = pulumi.ResourceOptions(parent=self)

        def tags(of: str) -> dict[str, str]:
            return {**args.tags, "Name": of}

        vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            cidr_block=spec.cidr,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags=tags(f"{name}-vpc"),
            opts=child,
        )
        internet = aws.ec2.InternetGateway(
            f"{name}-internet", vpc_id=vpc.id, tags=tags(f"{name}-internet"), opts=child
        )

        def subnets(kind: Kind) -> dict[str, aws.ec2.Subnet]:
            return {
                zone: aws.ec2.Subnet(
                    f"{name}-{kind}-{zone}",
                    vpc_id=vpc.id,
                    availability_zone=zone,
                    cidr_block=subnet_cidr(spec.cidr, kind, zone),
                    tags={**tags(f"{name}-{kind}-{zone}"), _ROLE_TAG[kind]: "1"},
                    opts=child,
                )
                for zone in spec.zones
            }

        def route_table(of: str, serves: Mapping[str, aws.ec2.Subnet]) -> aws.ec2.RouteTable:
            table = aws.ec2.RouteTable(of, vpc_id=vpc.id, tags=tags(of), opts=child)
            for zone, subnet in serves.items():
                aws.ec2.RouteTableAssociation(
                    f"{of}-in-{zone}", route_table_id=table.id, subnet_id=subnet.id, opts=child
                )
            return table

        def nat_gateway(zone: str) -> aws.ec2.NatGateway:
            of = f"{name}-nat-{zone}"
            address = aws.ec2.Eip(f"{of}-address", domain="vpc", tags=tags(of), opts=child)
            return aws.ec2.NatGateway(
                of,
                allocation_id=address.allocation_id,
                subnet_id=public[zone].id,
                tags=tags(of),
                opts=pulumi.ResourceOptions(parent=self, depends_on=[internet]),
            )

        def default_route(of: str, table: aws.ec2.RouteTable, **via: pulumi.Output[str]) -> None:
            aws.ec2.Route(
                of,
                route_table_id=table.id,
                destination_cidr_block="0.0.0.0/0",
                opts=child,
                **via,
            )

        public, private = subnets("public"), subnets("private")
        public_table = route_table(f"{name}-public", public)
        default_route(f"{name}-public-out", public_table, gateway_id=internet.id)
        private_tables = {
            zone: route_table(f"{name}-private-{zone}-routes", {zone: subnet})
            for zone, subnet in private.items()
        }
        gateways = [nat_gateway(zone) for zone in spec.zones[: _NAT_GATEWAYS[spec.nat]]]
        # One gateway serves every zone, several serve each its own.
        for (zone, table), gateway in zip(private_tables.items(), cycle(gateways)):
            default_route(f"{name}-private-{zone}-out", table, nat_gateway_id=gateway.id)

        # Models and image layers are in S3: they need not pass, and pay, a NAT gateway.
        aws.ec2.VpcEndpoint(
            f"{name}-s3",
            vpc_id=vpc.id,
            service_name=f"com.amazonaws.{args.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[public_table.id, *(table.id for table in private_tables.values())],
            tags=tags(f"{name}-s3"),
            opts=child,
        )

        if spec.interface_endpoints:
            callers = aws.ec2.SecurityGroup(
                f"{name}-endpoints",
                description="What in the VPC may call AWS through its endpoints",
                vpc_id=vpc.id,
                ingress=[
                    {
                        "description": "HTTPS from the VPC",
                        "protocol": "tcp",
                        "from_port": 443,
                        "to_port": 443,
                        "cidr_blocks": [spec.cidr],
                    }
                ],
                tags=tags(f"{name}-endpoints"),
                opts=child,
            )
            for service in spec.interface_endpoints:
                aws.ec2.VpcEndpoint(
                    f"{name}-{service}",
                    vpc_id=vpc.id,
                    service_name=f"com.amazonaws.{args.region}.{service}",
                    vpc_endpoint_type="Interface",
                    private_dns_enabled=True,
                    subnet_ids=[subnet.id for subnet in private.values()],
                    security_group_ids=[callers.id],
                    tags=tags(f"{name}-{service}"),
                    opts=child,
                )

        self.vpc_id = vpc.id
        self.private_subnet_ids = [subnet.id for subnet in private.values()]
        self.public_subnet_ids = [subnet.id for subnet in public.values()]
        self.register_outputs(
            {
                "vpc_id": self.vpc_id,
                "private_subnet_ids": self.private_subnet_ids,
                "public_subnet_ids": self.public_subnet_ids,
            }
        )
