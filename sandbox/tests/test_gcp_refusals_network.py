"""What Google Cloud would refuse of networks and rules is refused, where it is and why."""

import pytest

from sandbox.tests.gcp_inputs import (
    ADDRESS,
    BY_ADDRESS,
    GLOBAL_ADDRESS,
    NAT,
    NETWORK,
    POLICY,
    ROUTER,
    SUBNETWORK,
    leaves,
    refusals,
)


@pytest.mark.parametrize(
    ("token", "missing"),
    [
        (SUBNETWORK, "network"),
        (NAT, "router"),
    ],
)
def test_a_required_property_that_is_missing_is_refused_by_name(token, missing):
    assert refusals(token, **{missing: None}) == {
        missing: f"{missing} is required and was not given"
    }


@pytest.mark.parametrize(
    ("token", "path", "value"),
    [
        (NETWORK, "routingMode", "regional"),
        (NETWORK, "networkFirewallPolicyEnforcementOrder", "BEFORE"),
        (NETWORK, "bgpBestPathSelectionMode", "BEST"),
        (NETWORK, "bgpInterRegionCost", "NONE"),
        (SUBNETWORK, "purpose", "PUBLIC"),
        (SUBNETWORK, "stackType", "IPV4"),
        (SUBNETWORK, "logConfig", {"metadata": "Y"}),
        (SUBNETWORK, "deletionPolicy", "KEEP"),
        (ROUTER, "bgp", {"asn": 64512, "advertiseMode": "ALL"}),
        (NAT, "sourceSubnetworkIpRangesToNat", "ALL"),
        (NAT, "natIpAllocateOption", "AUTO"),
        (NAT, "logConfig__filter", "ERRORS"),
        (NAT, "type", "INTERNAL"),
        (NAT, "subnetworks", [{"name": "x", "sourceIpRangesToNats": ["X"]}]),
        (NAT, "endpointTypes", ["VM"]),
        (POLICY, "type", "ARMOR"),
        (POLICY, "rules__0__action", "deny(500)"),
        (POLICY, "rules__0__match__versionedExpr", "SRC_IPS"),
        (POLICY, "rules__0__rateLimitOptions", {"exceedAction": "deny(500)"}),
        (POLICY, "advancedOptionsConfig", {"logLevel": "ALL"}),
    ],
)
def test_a_misspelt_enumeration_is_refused_with_the_value(token, path, value):
    (reason,) = refusals(token, **{path: value}).values()

    assert any(repr(leaf) in reason for leaf in leaves(value))


@pytest.mark.parametrize(
    ("token", "change", "place", "reason"),
    [
        (NETWORK, {"name": "VPC"}, "name", "must match"),
        (NETWORK, {"name": "a" * 64}, "name", "must match"),
        (NETWORK, {"mtu": 1299}, "mtu", "must be 1300 to 8896, got 1299"),
        (SUBNETWORK, {"name": "Nodes"}, "name", "must match"),
        (SUBNETWORK, {"region": "us-central1-a"}, "region", "'us-central1-a' is no region"),
        (SUBNETWORK, {"region": "us-central9"}, "region", "'us-central9' is no region"),
        *(
            (SUBNETWORK, {"ipCidrRange": given}, "ipCidrRange", f"must not be in {prohibited}")
            for given, prohibited in (
                ("0.0.0.0/24", "0.0.0.0/8"),
                ("127.1.0.0/16", "127.0.0.0/8"),
                ("169.254.7.0/24", "169.254.0.0/16"),
                ("199.36.153.0/29", "199.36.153.4/30"),
                ("199.36.153.8/29", "199.36.153.8/30"),
                ("239.0.0.0/8", "224.0.0.0/4"),
                ("255.255.255.0/24", "255.255.255.255/32"),
            )
        ),
        (
            SUBNETWORK,
            {"secondaryIpRanges__0__ipCidrRange": "224.0.0.0/8"},
            "secondaryIpRanges[0].ipCidrRange",
            "must not be in 224.0.0.0/4",
        ),
        (
            SUBNETWORK,
            {"secondaryIpRanges__1__rangeName": "pods"},
            "secondaryIpRanges[1].rangeName",
            "must be the only range of that name, got 'pods' twice",
        ),
        (SUBNETWORK, {"purpose": "GLOBAL_MANAGED_PROXY"}, "role", "must be ACTIVE or BACKUP"),
        (
            SUBNETWORK,
            {"secondaryIpRanges__0__ipCidrRange": "10.64.0.0/30"},
            "secondaryIpRanges[0].ipCidrRange",
            "must be a /29 to /4",
        ),
        (SUBNETWORK, {"ipCidrRange": "10.60.0.0/30"}, "ipCidrRange", "must be a /29 to /4"),
        (SUBNETWORK, {"ipCidrRange": "10.60.0.1/20"}, "ipCidrRange", "must be an IPv4 network"),
        (SUBNETWORK, {"ipCidrRange": None}, "ipCidrRange", "is required"),
        (
            SUBNETWORK,
            {"secondaryIpRanges__0__ipCidrRange": "10.60.0.0/14"},
            "secondaryIpRanges[0].ipCidrRange",
            "must not overlap 10.60.0.0/20, got 10.60.0.0/14",
        ),
        (
            SUBNETWORK,
            {"secondaryIpRanges__1__ipCidrRange": "10.64.0.0/20"},
            "secondaryIpRanges[1].ipCidrRange",
            "must not overlap 10.64.0.0/14",
        ),
        (
            SUBNETWORK,
            {"secondaryIpRanges__1__rangeName": "Services"},
            "secondaryIpRanges[1].rangeName",
            "must match",
        ),
        (SUBNETWORK, {"role": "ACTIVE"}, "role", "only with the purpose of a proxy"),
        (
            SUBNETWORK,
            {
                "purpose": "REGIONAL_MANAGED_PROXY",
                "logConfig": {"metadata": "INCLUDE_ALL_METADATA"},
            },
            "logConfig",
            "not with the purpose of a proxy",
        ),
        (
            SUBNETWORK,
            {"logConfig": {"flowSampling": 1.5}},
            "logConfig.flowSampling",
            "must be 0 to 1",
        ),
        (SUBNETWORK, {"purpose": "REGIONAL_MANAGED_PROXY", "role": "SPARE"}, "role", "'SPARE'"),
        (ROUTER, {"region": "central"}, "region", "is no region"),
        *(
            (ROUTER, {"bgp": {"asn": number}}, "bgp.asn", f"of RFC 6996, or 16550, got {number}")
            for number in (1, 64511, 65535, 4199999999, 4294967295)
        ),
        (ROUTER, {"name": "1st"}, "name", "must match"),
        (
            ROUTER,
            {"bgp": {"asn": 64512, "keepaliveInterval": 19}},
            "bgp.keepaliveInterval",
            "must be 20 to 60, got 19",
        ),
        (NAT, {"name": "nat_1"}, "name", "must match"),
        (NAT, {"region": "us"}, "region", "is no region"),
        (NAT, {"minPortsPerVm": 1}, "minPortsPerVm", "must be 2 to 65536, got 1"),
        (
            NAT,
            {"maxPortsPerVm": 65537, "enableDynamicPortAllocation": True},
            "maxPortsPerVm",
            "got 65537",
        ),
        (
            NAT,
            {"minPortsPerVm": 64, "maxPortsPerVm": 32, "enableDynamicPortAllocation": True},
            "minPortsPerVm",
            "64 above 32",
        ),
        (
            NAT,
            {"minPortsPerVm": 33, "enableDynamicPortAllocation": True},
            "minPortsPerVm",
            "must be a power of two with enableDynamicPortAllocation, got 33",
        ),
        (NAT, {"maxPortsPerVm": 64}, "maxPortsPerVm", "only with enableDynamicPortAllocation"),
        (
            NAT,
            {"enableDynamicPortAllocation": True, "enableEndpointIndependentMapping": True},
            "enableDynamicPortAllocation",
            "not with enableEndpointIndependentMapping",
        ),
        (ADDRESS, {"address": "999.1.1.1"}, "address", "must be an IP address: '999.1.1.1'"),
        (GLOBAL_ADDRESS, {"address": "here"}, "address", "must be an IP address: 'here'"),
        (NAT, {"natIps": ["an-address"]}, "natIps", "only with natIpAllocateOption MANUAL_ONLY"),
        (NAT, {"natIpAllocateOption": "MANUAL_ONLY"}, "natIps", "MANUAL_ONLY needs some"),
        (NAT, {"natIpAllocateOption": None}, "natIpAllocateOption", "a public NAT needs one"),
        (
            NAT,
            {"sourceSubnetworkIpRangesToNat": "LIST_OF_SUBNETWORKS"},
            "subnetworks",
            "LIST_OF_SUBNETWORKS needs some",
        ),
        (
            NAT,
            {"natIpAllocateOption": "MANUAL_ONLY", "natIps": ["a"], "initialNatIps": ["b"]},
            "initialNatIps",
            "only one of initialNatIps, natIps may be given",
        ),
        (POLICY, {"name": "-armor"}, "name", "must match"),
        (POLICY, {"rules__1__priority": 2000}, "rules", "one must be the default"),
        (POLICY, {"rules__0__priority": 2147483647}, "rules", "2 rules have the priority"),
        (POLICY, {"rules__0__priority": -1}, "rules[0].priority", "must be 0 to 2147483647"),
        (POLICY, {"rules__1__match": BY_ADDRESS}, "rules[1].match", "must match *"),
        (
            POLICY,
            {"rules__0__match__config__srcIpRanges": [f"203.0.113.{n}/32" for n in range(11)]},
            "rules[0].match.config.srcIpRanges",
            "must be at most 10, got 11",
        ),
        (
            POLICY,
            {"rules__0__match__config__srcIpRanges": ["home"]},
            "rules[0].match.config.srcIpRanges[0]",
            "must be *, an IP address or a network: 'home'",
        ),
        (
            POLICY,
            {"rules__0__match__config__srcIpRanges": ["300.1.1.1/24"]},
            "rules[0].match.config.srcIpRanges[0]",
            "'300.1.1.1/24'",
        ),
        *(
            (POLICY, {"rules__0__action": action}, f"rules[0].{options}", f"with action {action}")
            for action, options in (
                ("throttle", "rateLimitOptions"),
                ("rate_based_ban", "rateLimitOptions"),
                ("redirect", "redirectOptions"),
            )
        ),
        (
            POLICY,
            {"rules__0__match": {"versionedExpr": "SRC_IPS_V1"}},
            "rules[0].match.config",
            "is required with versionedExpr",
        ),
        (
            POLICY,
            {"rules__0__match": {"expr": {"expression": "true"}, "config": {}}},
            "rules[0].match.config",
            "and only with it",
        ),
        (
            POLICY,
            {"rules__0__match__expr": {"expression": "true"}},
            "rules[0].match.expr",
            "only one of expr, versionedExpr may be given",
        ),
        (
            POLICY,
            {"rules__0__match__versionedExpr": None},
            "rules[0].match.expr",
            "one of expr, versionedExpr is required",
        ),
        (POLICY, {"labels": {"Team": "ml"}}, "labels.Team", "must be called"),
        (POLICY, {"labels": {"team": "ML"}}, "labels[team]", "must match"),
        (
            POLICY,
            {"labels": {f"label-{n}": "" for n in range(65)}},
            "labels",
            "must be at most 64, got 65",
        ),
    ],
)
def test_a_value_that_google_cloud_would_not_take_is_refused_where_it_is(
    token, change, place, reason
):
    assert reason in refusals(token, **change)[place]


@pytest.mark.parametrize(
    ("token", "change"),
    [
        (SUBNETWORK, {"purpose": "REGIONAL_MANAGED_PROXY", "role": "ACTIVE"}),
        (SUBNETWORK, {"stackType": "IPV6_ONLY", "ipCidrRange": None, "secondaryIpRanges": None}),
        (SUBNETWORK, {"region": "us-east4"}),
        (ROUTER, {"bgp": {"asn": 64512}}),
        (ROUTER, {"bgp": {"asn": 65534}}),
        (ROUTER, {"bgp": {"asn": 4200000000}}),
        (ROUTER, {"bgp": {"asn": 4294967294}}),
        (ROUTER, {"bgp": {"asn": 16550}}),
        (NAT, {"minPortsPerVm": 33}),
        (NAT, {"minPortsPerVm": 32, "maxPortsPerVm": 65536, "enableDynamicPortAllocation": True}),
        (ADDRESS, {"address": "203.0.113.7"}),
        (GLOBAL_ADDRESS, {"address": "2001:db8::1", "ipVersion": "IPV6"}),
        (POLICY, {"rules__0__match__config__srcIpRanges": ["2001:db8::/32", "203.0.113.7"]}),
        (
            POLICY,
            {
                "rules__0__action": "redirect",
                "rules__0__redirectOptions": {"type": "GOOGLE_RECAPTCHA"},
            },
        ),
        (POLICY, {"rules": None}),
    ],
)
def test_another_value_that_google_cloud_takes_is_taken(token, change):
    assert refusals(token, **change) == {}
