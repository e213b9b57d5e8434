"""The aws provider's checks: what AWS would refuse is refused here, by property and with why."""

import json
from types import ModuleType
from typing import Any

import pytest

from sandbox.providers import aws, sdk_schema
from sandbox.providers.aws import ROWS, Aws
from sandbox.providers.plugin import Refused, Request, Urn
from sandbox.providers.values import UNKNOWN
from sandbox.tests import engine_requests

_POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"},
    }
)
_ROLE = "arn:aws:iam::123456789012:role/nodes"
_DISTRIBUTION = "mixedInstancesPolicy__instancesDistribution"
_GROUP = {
    "minSize": 0,
    "maxSize": 3,
    "vpcZoneIdentifiers": ["subnet-1"],
    "mixedInstancesPolicy": {
        "instancesDistribution": {"spotAllocationStrategy": "capacity-optimized"},
        "launchTemplate": {
            "launchTemplateSpecification": {"launchTemplateId": "lt-1", "version": "1"},
            "overrides": [{"instanceType": "m5.xlarge"}],
        },
    },
}
_NODE_GROUP = {
    "clusterName": "dev",
    "nodeRoleArn": _ROLE,
    "subnetIds": ["subnet-1"],
    "scalingConfig": {"minSize": 1, "desiredSize": 1, "maxSize": 2},
}
VALID: dict[str, dict[str, Any]] = {
    "aws:ec2/vpc:Vpc": {"cidrBlock": "10.0.0.0/16"},
    "aws:ec2/subnet:Subnet": {"vpcId": "vpc-1", "cidrBlock": "10.0.0.0/24"},
    "aws:ec2/internetGateway:InternetGateway": {"vpcId": "vpc-1"},
    "aws:ec2/eip:Eip": {"domain": "vpc"},
    "aws:ec2/natGateway:NatGateway": {"subnetId": "subnet-1", "allocationId": "eipalloc-1"},
    "aws:ec2/routeTable:RouteTable": {"vpcId": "vpc-1"},
    "aws:ec2/route:Route": {"routeTableId": "rtb-1", "gatewayId": "igw-1"},
    "aws:ec2/routeTableAssociation:RouteTableAssociation": {
        "routeTableId": "rtb-1",
        "subnetId": "subnet-1",
    },
    "aws:ec2/vpcEndpoint:VpcEndpoint": {
        "vpcId": "vpc-1",
        "serviceName": "com.amazonaws.us-west-2.s3",
        "vpcEndpointType": "Gateway",
    },
    "aws:ec2/securityGroup:SecurityGroup": {"vpcId": "vpc-1"},
    "aws:ec2/tag:Tag": {"resourceId": "subnet-1", "key": "a", "value": "b"},
    "aws:ec2/launchTemplate:LaunchTemplate": {"imageId": "ami-1", "userData": "aGk="},
    "aws:autoscaling/group:Group": _GROUP,
    "aws:iam/role:Role": {"assumeRolePolicy": _POLICY},
    "aws:iam/rolePolicy:RolePolicy": {"role": "nodes", "policy": _POLICY},
    "aws:iam/policy:Policy": {"policy": _POLICY},
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": {
        "role": "nodes",
        "policyArn": "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",
    },
    "aws:iam/instanceProfile:InstanceProfile": {"role": "nodes"},
    "aws:eks/cluster:Cluster": {"roleArn": _ROLE, "vpcConfig": {"subnetIds": ["subnet-1"]}},
    "aws:eks/accessEntry:AccessEntry": {"clusterName": "dev", "principalArn": _ROLE},
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": {
        "clusterName": "dev",
        "principalArn": _ROLE,
        "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
        "accessScope": {"type": "cluster"},
    },
    "aws:eks/addon:Addon": {"clusterName": "dev", "addonName": "coredns"},
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": {
        "clusterName": "dev",
        "namespace": "serving",
        "serviceAccount": "reader",
        "roleArn": _ROLE,
    },
    "aws:eks/nodeGroup:NodeGroup": _NODE_GROUP,
    "aws:s3/bucket:Bucket": {},
    "aws:s3/bucketObject:BucketObject": {"bucket": "b", "key": "k", "content": "c"},
    "aws:s3/bucketObjectv2:BucketObjectv2": {"bucket": "b", "key": "k", "content": "c"},
    "aws:s3/bucketVersioning:BucketVersioning": {
        "bucket": "b",
        "versioningConfiguration": {"status": "Enabled"},
    },
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": {
        "bucket": "b",
        "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}],
    },
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": {"bucket": "b"},
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": {
        "bucket": "b",
        "rule": {"objectOwnership": "BucketOwnerEnforced"},
    },
    "aws:s3/bucketPolicy:BucketPolicy": {"bucket": "b", "policy": _POLICY},
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": {"bucket": "b"},
    "aws:cloudwatch/logGroup:LogGroup": {"name": "/aws/eks/dev/cluster", "retentionInDays": 30},
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": {
        "url": "https://oidc.eks.us-west-2.amazonaws.com/id/A",
        "clientIdLists": ["sts.amazonaws.com"],
    },
    "aws:kms/alias:Alias": {"name": "alias/secrets", "targetKeyId": "key-1"},
    "aws:kms/key:Key": {"description": "secrets", "enableKeyRotation": True},
    "aws:sqs/queue:Queue": {"sqsManagedSseEnabled": True},
    "aws:sqs/queuePolicy:QueuePolicy": {"queueUrl": "http://queue", "policy": _POLICY},
    "aws:cloudwatch/eventRule:EventRule": {"eventPattern": '{"source": ["aws.ec2"]}'},
    "aws:cloudwatch/eventTarget:EventTarget": {
        "rule": "spot",
        "arn": "arn:aws:sqs:us-west-2:123456789012:notices",
    },
    "aws:autoscaling/lifecycleHook:LifecycleHook": {
        "autoscalingGroupName": "nodes",
        "lifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
    },
}


def refusals(token: str, inputs: dict[str, Any], **change: Any) -> dict[str, str]:
    return engine_requests.refusals(Aws(), token, inputs, **change)


def test_every_row_has_inputs_to_be_tested_with():
    assert ROWS.keys() == VALID.keys()


def test_no_type_has_two_rows():
    modules = (module for module in vars(aws).values() if isinstance(module, ModuleType))
    tokens = [row.token for module in modules for row in getattr(module, "ROWS", ())]
    assert sorted(tokens) == sorted(ROWS)


@pytest.mark.parametrize("token", VALID)
def test_what_aws_takes_is_taken(token):
    assert refusals(token, VALID[token]) == {}


@pytest.mark.parametrize("token", VALID)
def test_a_property_that_the_type_has_not_is_refused_by_name(token):
    assert "is no property of" in refusals(token, VALID[token], bukcet="x")["bukcet"]


@pytest.mark.parametrize("token", VALID)
def test_the_properties_that_force_replacement_are_the_types_own(token):
    known = sdk_schema.output_names(token) | {"namePrefix", "bucketPrefix"}
    assert set(ROWS[token].replaces) <= known


@pytest.mark.parametrize(
    ("token", "missing"),
    [
        ("aws:ec2/subnet:Subnet", "vpcId"),
        ("aws:iam/role:Role", "assumeRolePolicy"),
        ("aws:autoscaling/group:Group", "maxSize"),
        ("aws:eks/nodeGroup:NodeGroup", "scalingConfig"),
        ("aws:s3/bucketVersioning:BucketVersioning", "versioningConfiguration"),
    ],
)
def test_a_required_property_that_is_missing_is_refused_by_name(token, missing):
    given = {name: value for name, value in VALID[token].items() if name != missing}

    assert refusals(token, given) == {missing: f"{missing} is required and was not given"}


@pytest.mark.parametrize(
    ("token", "path", "value"),
    [
        (
            "aws:autoscaling/group:Group",
            f"{_DISTRIBUTION}__spotAllocationStrategy",
            "capacity-optimised",
        ),
        (
            "aws:autoscaling/group:Group",
            f"{_DISTRIBUTION}__onDemandAllocationStrategy",
            "lowest",
        ),
        (
            "aws:autoscaling/group:Group",
            "mixedInstancesPolicy__launchTemplate__overrides__0__instanceType",
            "m5.banana",
        ),
        ("aws:autoscaling/group:Group", "suspendedProcesses", ["AZRebalancing"]),
        ("aws:autoscaling/group:Group", "healthCheckType", "ec2"),
        ("aws:autoscaling/group:Group", "instanceRefresh__strategy", "rolling"),
        ("aws:ec2/launchTemplate:LaunchTemplate", "instanceType", "m5.huge"),
        ("aws:ec2/launchTemplate:LaunchTemplate", "metadataOptions__httpTokens", "require"),
        ("aws:ec2/vpc:Vpc", "instanceTenancy", "shared"),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", "vpcEndpointType", "gateway"),
        ("aws:ec2/natGateway:NatGateway", "connectivityType", "internal"),
        ("aws:eks/accessEntry:AccessEntry", "type", "EC2_LINUS"),
        ("aws:eks/cluster:Cluster", "accessConfig__authenticationMode", "APIS"),
        ("aws:eks/cluster:Cluster", "upgradePolicy__supportType", "standard"),
        ("aws:eks/cluster:Cluster", "enabledClusterLogTypes", ["apis"]),
        ("aws:eks/nodeGroup:NodeGroup", "amiType", "AL2023"),
        ("aws:eks/nodeGroup:NodeGroup", "capacityType", "spot"),
        ("aws:eks/nodeGroup:NodeGroup", "taints", [{"key": "a", "effect": "NoSchedule"}]),
        ("aws:eks/addon:Addon", "resolveConflictsOnUpdate", "overwrite"),
        (
            "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
            "accessScope__type",
            "clusters",
        ),
        (
            "aws:s3/bucketVersioning:BucketVersioning",
            "versioningConfiguration__status",
            "enabled",
        ),
        (
            "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
            "rule__objectOwnership",
            "BucketOwner",
        ),
        ("aws:sqs/queue:Queue", "deduplicationScope", "message-group"),
        ("aws:cloudwatch/eventRule:EventRule", "state", "enabled"),
        (
            "aws:autoscaling/lifecycleHook:LifecycleHook",
            "lifecycleTransition",
            "EC2_INSTANCE_TERMINATING",
        ),
        ("aws:autoscaling/lifecycleHook:LifecycleHook", "defaultResult", "Continue"),
    ],
)
def test_a_misspelt_enumeration_is_refused_with_the_value(token, path, value):
    found = refusals(token, VALID[token], **{path: value})

    (reason,) = found.values()
    assert repr(value) in reason or any(repr(each) in reason for each in _leaves(value))


@pytest.mark.parametrize(
    ("token", "change", "place"),
    [
        ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/8"}, "cidrBlock"),
        ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.1/16"}, "cidrBlock"),
        ("aws:ec2/subnet:Subnet", {"cidrBlock": "10.0.0.0/29"}, "cidrBlock"),
        ("aws:autoscaling/group:Group", {"minSize": 4}, "minSize"),
        (
            "aws:autoscaling/group:Group",
            {f"{_DISTRIBUTION}__onDemandPercentageAboveBaseCapacity": 101},
            "mixedInstancesPolicy.instancesDistribution.onDemandPercentageAboveBaseCapacity",
        ),
        ("aws:autoscaling/group:Group", {"launchConfiguration": "x"}, "mixedInstancesPolicy"),
        (
            "aws:ec2/launchTemplate:LaunchTemplate",
            {"metadataOptions__httpPutResponseHopLimit": 65},
            "metadataOptions.httpPutResponseHopLimit",
        ),
        ("aws:ec2/launchTemplate:LaunchTemplate", {"userData": "not base64!"}, "userData"),
        ("aws:cloudwatch/logGroup:LogGroup", {"name": "logs of dev"}, "name"),
        ("aws:iam/openIdConnectProvider:OpenIdConnectProvider", {"url": "http://x"}, "url"),
        ("aws:kms/alias:Alias", {"name": "alias/aws/s3"}, "name"),
        ("aws:kms/key:Key", {"deletionWindowInDays": 31}, "deletionWindowInDays"),
        ("aws:kms/key:Key", {"policy": "{}"}, "policy"),
        ("aws:iam/role:Role", {"name": "a" * 65}, "name"),
        ("aws:iam/role:Role", {"assumeRolePolicy": "{}"}, "assumeRolePolicy"),
        ("aws:eks/cluster:Cluster", {"version": "1.5"}, "version"),
        ("aws:eks/cluster:Cluster", {"roleArn": "nodes"}, "roleArn"),
        ("aws:eks/addon:Addon", {"addonVersion": "latest"}, "addonVersion"),
        ("aws:s3/bucket:Bucket", {"bucket": "Upper"}, "bucket"),
        ("aws:ec2/route:Route", {"natGatewayId": "nat-1"}, "gatewayId"),
        ("aws:sqs/queue:Queue", {"visibilityTimeoutSeconds": 43201}, "visibilityTimeoutSeconds"),
        ("aws:sqs/queue:Queue", {"messageRetentionSeconds": 59}, "messageRetentionSeconds"),
        ("aws:sqs/queue:Queue", {"receiveWaitTimeSeconds": 21}, "receiveWaitTimeSeconds"),
        ("aws:sqs/queue:Queue", {"delaySeconds": 901}, "delaySeconds"),
        ("aws:sqs/queue:Queue", {"maxMessageSize": 1023}, "maxMessageSize"),
        ("aws:sqs/queue:Queue", {"kmsMasterKeyId": "alias/aws/sqs"}, "kmsMasterKeyId"),
        ("aws:sqs/queue:Queue", {"name": "work.fifo"}, "name"),
        ("aws:sqs/queue:Queue", {"name": "work", "fifoQueue": True}, "name"),
        ("aws:sqs/queue:Queue", {"redrivePolicy": '{"maxReceiveCount": 5}'}, "redrivePolicy"),
        (
            "aws:sqs/queue:Queue",
            {"redrivePolicy": '{"deadLetterTargetArn": "arn:aws:x", "maxReceiveCount": "5"}'},
            "redrivePolicy",
        ),
        ("aws:sqs/queuePolicy:QueuePolicy", {"policy": "{}"}, "policy"),
        ("aws:cloudwatch/eventRule:EventRule", {"eventPattern": "{"}, "eventPattern"),
        ("aws:cloudwatch/eventRule:EventRule", {"eventPattern": "{}"}, "eventPattern"),
        (
            "aws:cloudwatch/eventRule:EventRule",
            {"eventPattern": '{"source": "aws.ec2"}'},
            "eventPattern",
        ),
        (
            "aws:cloudwatch/eventRule:EventRule",
            {"eventPattern": '{"detail": {"service": []}}'},
            "eventPattern",
        ),
        ("aws:cloudwatch/eventRule:EventRule", {"eventPattern": None}, "eventPattern"),
        ("aws:cloudwatch/eventTarget:EventTarget", {"arn": "queue"}, "arn"),
        (
            "aws:autoscaling/lifecycleHook:LifecycleHook",
            {"heartbeatTimeout": 29},
            "heartbeatTimeout",
        ),
    ],
)
def test_a_value_that_aws_would_not_take_is_refused_where_it_is(token, change, place):
    assert place in refusals(token, VALID[token], **change)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("three", "a whole number"), (1.5, "a whole number"), (True, "a whole number")],
)
def test_a_value_of_the_wrong_type_is_refused(value, expected):
    found = refusals("aws:autoscaling/group:Group", _GROUP, maxSize=value)

    assert found == {"maxSize": f"expected {expected}, got {value!r}"}


def test_what_is_not_known_yet_is_not_refused():
    assert refusals("aws:ec2/subnet:Subnet", {"vpcId": UNKNOWN, "cidrBlock": UNKNOWN}) == {}


def test_a_type_without_a_row_is_refused_by_name():
    with pytest.raises(Refused, match=r"aws:sns/topic:Topic .*thing.* has no row"):
        refusals("aws:sns/topic:Topic", {})


def test_a_name_that_the_program_left_open_is_made_once_and_kept():
    urn = Urn("urn:pulumi:dev::tests::aws:iam/role:Role::reader")
    first, _ = Aws().check(urn, {}, {"assumeRolePolicy": _POLICY}, b"one seed")
    again, _ = Aws().check(urn, first, {"assumeRolePolicy": _POLICY}, b"another seed")

    assert first["name"].startswith("reader-")
    assert again["name"] == first["name"]


@pytest.mark.parametrize(
    ("token", "name", "value"),
    [
        ("aws:ec2/subnet:Subnet", "cidrBlock", "10.0.1.0/24"),
        ("aws:eks/accessEntry:AccessEntry", "type", "EC2_LINUX"),
        ("aws:eks/nodeGroup:NodeGroup", "instanceTypes", ["m5.large"]),
        ("aws:s3/bucket:Bucket", "bucket", "another"),
        ("aws:sqs/queue:Queue", "fifoQueue", True),
        ("aws:cloudwatch/eventTarget:EventTarget", "rule", "another"),
        ("aws:autoscaling/lifecycleHook:LifecycleHook", "autoscalingGroupName", "another"),
    ],
)
def test_a_change_that_aws_cannot_make_in_place_replaces(token, name, value):
    old = VALID[token]
    urn = Urn(f"urn:pulumi:dev::tests::{token}::thing")

    found = Aws().diff(Request(urn=urn, old_inputs=old, inputs={**old, name: value}))

    assert [path[0] for path in found.replacing] == [name] * len(found.replacing)
    assert found.replacing


def test_a_change_that_aws_can_make_in_place_does_not_replace():
    urn = Urn("urn:pulumi:dev::tests::aws:autoscaling/group:Group::nodes")

    found = Aws().diff(Request(urn=urn, old_inputs=_GROUP, inputs={**_GROUP, "maxSize": 9}))

    assert [*found.changes] == [("maxSize",)]
    assert not found.replacing


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value]
