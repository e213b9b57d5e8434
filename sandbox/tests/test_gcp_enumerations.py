"""The values that the SDK's descriptions list: found in every type, and the only ones taken."""

import pytest

from sandbox.providers.gcp import ROWS, enumerations
from sandbox.providers.plugin import Urn
from sandbox.tests.gcp_inputs import (
    ACCOUNT,
    ADDRESS,
    BUCKET,
    BUCKET_MEMBER,
    CLUSTER,
    GLOBAL_ADDRESS,
    NAT,
    NETWORK,
    NODE_POOL,
    OBJECT,
    POLICY,
    PROJECT_MEMBER,
    REGION_SSL_POLICY,
    ROUTER,
    SSL_POLICY,
    SUBNETWORK,
    VALID,
    configured,
    refusals,
)

LISTED = {
    NETWORK: """bgpBestPathSelectionMode bgpInterRegionCost networkFirewallPolicyEnforcementOrder
        routingMode""",
    SUBNETWORK: """ipv6AccessType logConfig.aggregationInterval logConfig.metadata
        resolveSubnetMask role secondaryIpRanges.*.ipVersion stackType""",
    ROUTER: "bgp.advertiseMode",
    NAT: """autoNetworkTier endpointTypes.* logConfig.filter natIpAllocateOption
        sourceSubnetworkIpRangesToNat sourceSubnetworkIpRangesToNat64
        subnetworks.*.sourceIpRangesToNats.* type""",
    ADDRESS: "addressType ipVersion ipv6EndpointType networkTier purpose",
    GLOBAL_ADDRESS: "addressType ipVersion purpose",
    POLICY: """adaptiveProtectionConfig.layer7DdosDefenseConfig.ruleVisibility
        adaptiveProtectionConfig.layer7DdosDefenseConfig.thresholdConfigs.*.trafficGranularityConfigs.*.type
        advancedOptionsConfig.jsonParsing advancedOptionsConfig.logLevel type
        rules.*.match.versionedExpr rules.*.rateLimitOptions.enforceOnKey
        rules.*.rateLimitOptions.enforceOnKeyConfigs.*.enforceOnKeyType""",
    SSL_POLICY: "minTlsVersion postQuantumKeyExchange profile",
    REGION_SSL_POLICY: "minTlsVersion postQuantumKeyExchange profile",
    ACCOUNT: "",
    PROJECT_MEMBER: "",
    BUCKET: """autoclass.terminalStorageClass ipFilter.mode lifecycleRules.*.action.storageClass
        lifecycleRules.*.action.type lifecycleRules.*.condition.matchesStorageClasses.*
        lifecycleRules.*.condition.withState publicAccessPrevention storageClass""",
    BUCKET_MEMBER: "",
    OBJECT: "",
}
WHOLE = {
    (CLUSTER, "ipAllocationPolicy.stackType"): ("IPV4", "IPV4_IPV6"),
    (CLUSTER, "releaseChannel.channel"): ("UNSPECIFIED", "RAPID", "REGULAR", "STABLE", "EXTENDED"),
    (POLICY, "advancedOptionsConfig.logLevel"): ("NORMAL", "VERBOSE"),
    (CLUSTER, "nodeConfig.taints.*.effect"): ("NO_SCHEDULE", "PREFER_NO_SCHEDULE", "NO_EXECUTE"),
    (CLUSTER, "nodePools.*.nodeConfig.soleTenantConfig.nodeAffinities.*.operator"): (
        "IN",
        "NOT_IN",
    ),
    (NODE_POOL, "nodeConfig.kubeletConfig.insecureKubeletReadonlyPortEnabled"): ("TRUE", "FALSE"),
}


@pytest.mark.parametrize("token", LISTED)
def test_the_lists_of_a_type_are_found_wherever_they_are(token):
    assert sorted(enumerations.choices(token)) == sorted(LISTED[token].split())


@pytest.mark.parametrize(("token", "path"), WHOLE)
def test_a_list_is_read_whole(token, path):
    assert tuple(enumerations.choices(token)[path]) == WHOLE[token, path]


def test_every_list_that_is_not_whole_is_one_of_the_sdks():
    for token, path in enumerations.NOT_ALL:
        assert token in ROWS
        assert path in enumerations.listed(token)
        assert path not in enumerations.choices(token)


def test_a_value_that_is_not_listed_is_refused_with_those_that_are():
    found = refusals(SUBNETWORK, logConfig={"metadata": "Y"})

    assert found == {
        "logConfig.metadata": (
            "'Y' is none of EXCLUDE_ALL_METADATA, INCLUDE_ALL_METADATA, CUSTOM_METADATA "
            "(as the SDK's description of it lists them)"
        )
    }


def test_what_a_rows_own_check_refuses_is_refused_once():
    rule = {"action": {"type": "Delete", "storageClass": "COLD"}, "condition": {"age": 1}}
    urn = Urn(f"urn:pulumi:dev::tests::{BUCKET}::thing")

    _, (failure,) = configured().check(urn, {}, {**VALID[BUCKET], "lifecycleRules": [rule]}, b"")

    assert failure.reason.startswith("is for the action SetStorageClass")
