"""PodIdentity: which pods may take the role, and what they may then do."""

import json

import pytest

from components.aws.pod_identity import PodIdentity, PodIdentityArgs

ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
POLICY = "aws:iam/rolePolicy:RolePolicy"
ROLE = "aws:iam/role:Role"


def an_identity() -> PodIdentity:
    return PodIdentity(
        "reader",
        PodIdentityArgs(
            cluster_name="dev",
            namespace="serving",
            service_account="resnet",
            policy="{}",
            tags={"team": "ml"},
        ),
    )


def test_only_pods_of_the_service_account_take_the_role(cloud):
    cloud.run(an_identity)

    assert json.loads(cloud.one(ROLE)["assumeRolePolicy"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "pods.eks.amazonaws.com"},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
                "Condition": {
                    "StringEquals": {
                        "aws:RequestTag/kubernetes-namespace": "serving",
                        "aws:RequestTag/kubernetes-service-account": "resnet",
                    }
                },
            }
        ],
    }


def test_the_role_has_the_given_policy(cloud):
    cloud.run(an_identity)

    assert cloud.one(POLICY) == {"role": "reader-role-id", "policy": "{}"}


def test_the_role_is_theirs_once_it_has_its_policy(cloud):
    cloud.run(an_identity)

    association = cloud.one(ASSOCIATION)
    assert association == {
        "clusterName": "dev",
        "namespace": "serving",
        "serviceAccount": "resnet",
        "roleArn": "arn:aws:iam::123456789012:role/reader-role",
        "tags": {"team": "ml"},
    }
    assert cloud.one(ROLE)["tags"] == {"team": "ml"}
    assert "reader-policy" in cloud.waits_for(ASSOCIATION)


@pytest.mark.parametrize("typ", [ASSOCIATION, POLICY, ROLE])
def test_every_child_belongs_to_it(cloud, typ):
    cloud.run(an_identity)

    assert cloud.parent_of(typ) == "tfserving:index:PodIdentity::reader"


def test_it_promises_its_role(cloud):
    identity = cloud.run(an_identity)

    assert cloud.promised(identity) == {"role_arn": "arn:aws:iam::123456789012:role/reader-role"}
