"""EksCluster: the control plane it asks for, who may use it, what others are told of it."""

from typing import Any

import pytest

from components.aws.eks_cluster import (
    AddonVersions,
    EksCluster,
    EksClusterArgs,
    EksClusterSpec,
    EndpointSpec,
)
from components.spec import SpecError

ADDON = "aws:eks/addon:Addon"
ALIAS = "aws:kms/alias:Alias"
CLUSTER = "eks:index:Cluster"
KEY = "aws:kms/key:Key"
LOGS = "aws:cloudwatch/logGroup:LogGroup"
ADMINS = ("arn:aws:iam::123456789012:role/team/admin", "arn:aws:iam::123456789012:user/ann")
OTHER_VERSIONS = AddonVersions(
    vpc_cni="v1", kube_proxy="v2", pod_identity_agent="v3", coredns="v4", metrics_server="v5"
)


def a_cluster(**spec: Any) -> EksCluster:
    sound: dict[str, Any] = {"name": "Dev", "kubernetes_version": "1.35", "admins": ADMINS}
    return EksCluster(
        "dev",
        EksClusterArgs(
            spec=EksClusterSpec(**{**sound, **spec}),
            vpc_id="vpc-1",
            subnet_ids=["subnet-a", "subnet-b"],
            tags={"team": "ml"},
        ),
    )


def test_the_control_plane_is_in_the_given_network(cloud):
    cloud.run(a_cluster)

    cluster = cloud.one(CLUSTER)
    assert (cluster["name"], cluster["version"]) == ("Dev", "1.35")
    assert cluster["vpcId"] == "vpc-1"
    assert cluster["subnetIds"] == ["subnet-a", "subnet-b"]
    assert cluster["kubernetesServiceIpAddressRange"] == "172.20.0.0/16"
    assert cluster["upgradePolicy"] == {"supportType": "STANDARD"}
    assert cluster["tags"] == {"team": "ml"}


def test_only_the_named_admins_use_it(cloud):
    cloud.run(a_cluster)

    cluster = cloud.one(CLUSTER)
    assert cluster["authenticationMode"] == "API"
    policy = {
        "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
        "accessScope": {"type": "cluster"},
    }
    assert cluster["accessEntries"] == {
        "123456789012-role-team-admin": {
            "principalArn": ADMINS[0],
            "accessPolicies": {"admin": policy},
        },
        "123456789012-user-ann": {"principalArn": ADMINS[1], "accessPolicies": {"admin": policy}},
    }


def test_admins_of_one_name_in_two_accounts_are_two(cloud):
    admins = ("arn:aws:iam::111111111111:role/admin", "arn:aws:iam::222222222222:role/admin")
    cloud.run(lambda: a_cluster(admins=admins))

    assert len(cloud.one(CLUSTER)["accessEntries"]) == 2


def test_the_endpoint_is_private_unless_networks_are_named(cloud):
    cloud.run(a_cluster)

    cluster = cloud.one(CLUSTER)
    assert cluster["endpointPrivateAccess"] is True
    assert cluster["endpointPublicAccess"] is False
    assert "publicAccessCidrs" not in cluster


def test_the_endpoint_is_public_to_named_networks_only(cloud):
    endpoint = EndpointSpec(private=False, public_cidrs=("203.0.113.0/24",))
    cloud.run(lambda: a_cluster(endpoint=endpoint))

    cluster = cloud.one(CLUSTER)
    assert cluster["endpointPrivateAccess"] is False
    assert cluster["endpointPublicAccess"] is True
    assert cluster["publicAccessCidrs"] == ["203.0.113.0/24"]


def test_nothing_is_made_that_the_pools_bring_themselves(cloud):
    cloud.run(a_cluster)

    cluster = cloud.one(CLUSTER)
    assert cluster["skipDefaultNodeGroup"] is True
    assert cluster["skipDefaultSecurityGroups"] is True


def test_every_addon_is_pinned_and_network_policies_are_enforced(cloud):
    cloud.run(lambda: a_cluster(addons=OTHER_VERSIONS))

    cluster = cloud.one(CLUSTER)
    assert cluster["vpcCniOptions"] == {"addonVersion": "v1", "enableNetworkPolicy": True}
    assert cluster["kubeProxyAddonOptions"] == {"version": "v2"}
    assert cluster["bootstrapSelfManagedAddons"] is False
    agent = cloud.one(ADDON)
    assert (agent["clusterName"], agent["addonName"]) == ("Dev", "eks-pod-identity-agent")
    assert agent["addonVersion"] == "v3"
    assert agent["tags"] == {"team": "ml"}


def test_coredns_is_left_to_when_there_are_nodes(cloud):
    cloud.run(a_cluster)

    assert cloud.one(CLUSTER)["corednsAddonOptions"] == {"enabled": False}


def test_a_version_with_pinned_addons_needs_none_of_its_own():
    known = EksClusterSpec(name="dev", kubernetes_version="1.35", admins=ADMINS)
    other = EksClusterSpec(
        name="dev", kubernetes_version="1.36", admins=ADMINS, addons=OTHER_VERSIONS
    )

    assert known.addon_versions.kube_proxy.startswith("v1.35.")
    assert other.addon_versions is OTHER_VERSIONS


def test_who_did_what_is_logged_for_a_while(cloud):
    cloud.run(a_cluster)

    logs = cloud.one(LOGS)
    assert cloud.one(CLUSTER)["enabledClusterLogTypes"] == ["api", "audit", "authenticator"]
    assert (logs["name"], logs["retentionInDays"]) == ("/aws/eks/Dev/cluster", 90)
    assert logs["tags"] == {"team": "ml"}
    # Whichever of the two is first makes the group.
    assert "dev-logs" in cloud.waits_for(CLUSTER)


def test_other_logs_may_be_chosen(cloud):
    cloud.run(lambda: a_cluster(logs=("scheduler",), log_days=7))

    assert cloud.one(CLUSTER)["enabledClusterLogTypes"] == ["scheduler"]
    assert cloud.one(LOGS)["retentionInDays"] == 7


def test_secrets_are_encrypted_with_a_key_of_the_clusters_own(cloud):
    cloud.run(a_cluster)

    key, alias = cloud.one(KEY), cloud.one(ALIAS)
    assert cloud.one(CLUSTER)["encryptionConfigKeyArn"].endswith(":key/dev-secrets")
    assert (key["enableKeyRotation"], key["tags"]) == (True, {"team": "ml"})
    assert (alias["name"], alias["targetKeyId"]) == ("alias/eks/Dev", "dev-secrets")


def test_secrets_may_be_encrypted_with_a_given_key(cloud):
    arn = "arn:aws:kms:us-west-2:123456789012:key/0a1b2c3d-0000-0000-0000-000000000000"
    cloud.run(lambda: a_cluster(secrets_key=arn))

    assert cloud.one(CLUSTER)["encryptionConfigKeyArn"] == arn
    assert KEY not in cloud.types()


def test_it_is_protected_and_trusted_by_iam_only_where_that_is_asked_for(cloud):
    cloud.run(a_cluster)

    assert cloud.one(CLUSTER)["deletionProtection"] is False
    assert cloud.one(CLUSTER)["createOidcProvider"] is False


def test_it_is_protected_and_trusted_by_iam_where_that_is_asked_for(cloud):
    cloud.run(lambda: a_cluster(deletion_protection=True, oidc_provider=True))

    assert cloud.one(CLUSTER)["deletionProtection"] is True
    assert cloud.one(CLUSTER)["createOidcProvider"] is True


def test_services_have_the_addresses_of_the_spec(cloud):
    cluster = cloud.run(lambda: a_cluster(service_cidr="10.96.0.0/16"))

    assert cloud.one(CLUSTER)["kubernetesServiceIpAddressRange"] == "10.96.0.0/16"
    assert cluster.access.service_cidr == "10.96.0.0/16"


@pytest.mark.parametrize(
    "cidrs",
    [
        ("0.0.0.0/0",),
        ("0.0.0.0/1", "128.0.0.0/1"),
        tuple(f"{first}.0.0.0/8" for first in range(256)),
        ("10.0.0.0/7",),
    ],
)
def test_an_endpoint_that_is_open_to_the_world_has_to_be_meant(cidrs):
    with pytest.raises(SpecError) as refusal:
        EndpointSpec(public_cidrs=cidrs)

    assert "public_cidrs: must not be open to the world" in str(refusal.value)
    assert EndpointSpec(public_cidrs=cidrs, open_to_world=True).public_cidrs == cidrs


def test_a_network_that_is_named_twice_counts_once():
    EndpointSpec(public_cidrs=("203.0.0.0/8", "203.0.0.0/8", "203.0.113.0/24"))


@pytest.mark.parametrize("typ", [ADDON, ALIAS, CLUSTER, KEY, LOGS])
def test_every_child_belongs_to_it(cloud, typ):
    cloud.run(a_cluster)

    assert cloud.parent_of(typ) == "tfserving:index:EksCluster::dev"


def test_pools_are_told_how_to_join(cloud):
    access = cloud.run(a_cluster).access

    assert (access.name, access.service_cidr) == ("Dev", "172.20.0.0/16")
    assert cloud.value(access.endpoint) == "https://Dev.eks.invalid"
    assert cloud.value(access.certificate_authority) == "Q0E="
    assert cloud.value(access.security_group_id) == "sg-cluster"


def test_it_promises_its_name_and_a_secret_kubeconfig(cloud):
    cluster = cloud.run(a_cluster)

    promised = cloud.promised(cluster)
    assert promised["cluster_name"] == "Dev"
    assert set(promised) == {"cluster_name", "kubeconfig"}
    assert cloud.value(cluster.kubeconfig) == "{}"
    assert cloud.value_is_secret(cluster.kubeconfig)
