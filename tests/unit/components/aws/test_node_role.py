"""NodeRole: who may take it and what it may do."""

import json

from components.aws.node_role import NodeRole, NodeRoleArgs

ROLE = "aws:iam/role:Role"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"


def a_role() -> NodeRole:
    return NodeRole("batch", NodeRoleArgs(tags={"pool": "batch"}))


def test_only_instances_take_it(cloud):
    cloud.run(a_role)

    assert json.loads(cloud.one(ROLE)["assumeRolePolicy"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"Service": "ec2.amazonaws.com"},
            }
        ],
    }
    assert cloud.one(ROLE)["tags"] == {"pool": "batch"}


def test_it_has_the_policies_that_a_node_needs(cloud):
    role = cloud.run(a_role)

    policies = {each["policyArn"].rpartition("/")[2] for each in cloud.all(ATTACHMENT).values()}
    assert policies == {
        "AmazonEKSWorkerNodePolicy",
        "AmazonEKS_CNI_Policy",
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonSSMManagedInstanceCore",
    }
    assert {each["role"] for each in cloud.all(ATTACHMENT).values()} == {"batch"}
    assert len(role.ready) == len(policies)
    assert cloud.parent_of(ATTACHMENT, "batch-cni") == "tfserving:index:NodeRole::batch"
    assert cloud.parent_of(ROLE) == "tfserving:index:NodeRole::batch"


def test_it_promises_its_arn_and_name(cloud):
    role = cloud.run(a_role)

    assert cloud.promised(role) == {
        "arn": "arn:aws:iam::123456789012:role/batch",
        "role_name": "batch",
    }
