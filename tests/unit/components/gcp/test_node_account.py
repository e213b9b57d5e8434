"""NodeAccount: who the nodes are and what they may do."""

import re

import pulumi_gcp as gcp
import pytest

from components.gcp.node_account import NodeAccount, NodeAccountArgs

ACCOUNT = "gcp:serviceaccount/account:Account"
MEMBER = "gcp:projects/iAMMember:IAMMember"
EMAIL = "cluster-1-account@my-project.iam.gserviceaccount.com"


def an_account(name: str = "cluster-1", location: str = "us-central1-f") -> NodeAccount:
    return NodeAccount(name, NodeAccountArgs(project="my-project", location=location))


def test_the_account_is_told_by_its_cluster(cloud):
    cloud.run(an_account)

    assert cloud.one(ACCOUNT) == {
        "accountId": "cluster-1-nodes-us-central1-f",
        "displayName": "Nodes of cluster-1",
        "project": "my-project",
    }


def test_clusters_of_one_name_in_two_places_have_an_account_each(cloud):
    cloud.run(lambda: an_account(location="us-central1"))

    assert cloud.one(ACCOUNT)["accountId"] == "cluster-1-nodes-us-central1"


@pytest.mark.parametrize("location", ["us-central1", "northamerica-northeast1-a"])
@pytest.mark.parametrize("name", ["a", "a" * 25, "a" * 45])
def test_its_id_is_one_whatever_the_name(cloud, name, location):
    cloud.run(lambda: an_account(name, location))

    account_id = cloud.one(ACCOUNT)["accountId"]
    assert re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", account_id)


def test_accounts_of_long_names_that_begin_alike_are_two(cloud):
    cloud.run(lambda: [an_account("a" * 40 + end) for end in "bc"])

    assert len({each["accountId"] for each in cloud.all(ACCOUNT).values()}) == 2


def test_it_has_the_roles_that_a_node_needs_and_takes_them_from_nobody(cloud):
    cloud.run(an_account)

    assert cloud.all(MEMBER) == {
        "cluster-1-node": {
            "project": "my-project",
            "role": "roles/container.defaultNodeServiceAccount",
            "member": f"serviceAccount:{EMAIL}",
        },
        "cluster-1-registry": {
            "project": "my-project",
            "role": "roles/artifactregistry.reader",
            "member": f"serviceAccount:{EMAIL}",
        },
    }


@pytest.mark.parametrize(
    ("typ", "name"),
    [(ACCOUNT, None), (MEMBER, "cluster-1-node"), (MEMBER, "cluster-1-registry")],
)
def test_every_child_belongs_to_it(cloud, typ, name):
    cloud.run(an_account)

    assert cloud.parent_of(typ, name) == "tfserving:index:NodeAccount::cluster-1"


def test_who_uses_it_waits_for_its_roles(cloud):
    cloud.run(
        lambda: gcp.storage.BucketIAMMember(
            "user", bucket="bucket", role="role", member=an_account().email
        )
    )

    user = "gcp:storage/bucketIAMMember:BucketIAMMember"
    assert cloud.one(user)["member"] == EMAIL
    assert cloud.waits_for(user) == {"cluster-1-account", "cluster-1-node", "cluster-1-registry"}


def test_it_promises_its_email(cloud):
    account = cloud.run(an_account)

    assert cloud.promised(account) == {"email": EMAIL}
