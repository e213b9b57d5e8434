"""A place for the pools of tests."""

from components.aws.ami import AmiRelease
from components.aws.node_pool import ClusterAccess, PoolPlace

PLACE = PoolPlace(
    cluster=ClusterAccess(
        name="dev",
        service_cidr="172.20.0.0/16",
        endpoint="https://dev.invalid",
        certificate_authority="Q0E=",
        security_group_id="sg-cluster",
    ),
    subnet_ids=["subnet-a", "subnet-b"],
    ami=AmiRelease.parse("1.35.2-20260724"),
    tags={"pool": "batch"},
)
POLICIES = {f"batch-role-{suffix}" for suffix in ("worker", "cni", "registry", "ssm")}
