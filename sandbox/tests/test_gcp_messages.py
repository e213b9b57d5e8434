"""What GKE's messages say is required wherever the SDK has a property for it."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from google.cloud.container_v1 import types

from sandbox.providers import sdk_schema
from sandbox.providers.gcp.messages import field_of, members
from sandbox.providers.values import UNKNOWN
from sandbox.tests.gcp_inputs import CLUSTER, NODE_POOL, refusals

# Enumerations of messages that no property stands for.
TOLD = "GKE tells it, nobody gives it"
NO_PROPERTY = "the SDK has no property for it"
LEFT_OUT: Mapping[str, str] = {
    "AdvancedDatapathObservabilityConfig.relay_mode": "the SDK has enableRelay instead",
    "BlueGreenInfo.phase": TOLD,
    "Cluster.status": TOLD,
    "ClusterAutoscaling.autopilot_general_profile": NO_PROPERTY,
    "CompliancePostureConfig.mode": NO_PROPERTY,
    "ControlPlaneEgress.mode": NO_PROPERTY,
    "DataplaneV2Config.scalability_mode": "the SDK has dataplaneOptimizationMode instead",
    "DatabaseEncryption.current_state": TOLD,
    "IPAllocationPolicy.ipv6_access_type": NO_PROPERTY,
    "NodeConfig.effective_cgroup_mode": TOLD,
    "NodePool.status": TOLD,
    "StatusCondition.canonical_code": TOLD,
    "StatusCondition.code": TOLD,
}
WINDOW = {"startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-01T04:00:00Z"}
DAILY = {**WINDOW, "recurrence": "FREQ=DAILY"}
UPGRADES: dict[str, Any] = {"strategy": "BLUE_GREEN"}
ROLLOUT: dict[str, Any] = {"standardRolloutPolicy": {"batchPercentage": 0.5}}


def name_of(field: Any) -> str:
    return f"{field.parent.__name__}.{field.name}"


def of_messages(message: Any, seen: set[Any]) -> Iterator[str]:
    """Every enumeration of a message and of what is within it."""
    if message in seen or not hasattr(message, "meta"):
        return
    seen.add(message)
    for field in message.meta.fields.values():
        if field.enum:
            yield name_of(field)
        yield from of_messages(field.message, seen)


def of_properties(args: type, message: Any, within: tuple[type, ...] = ()) -> Iterator[Any]:
    """Every enumeration that a property stands for, with the SDK's description of it."""
    for name in () if args in within else vars(sdk_schema)["_properties"](args):
        field, described = field_of(message, name), vars(args)[snake(args, name)].fget
        if field is None:
            continue
        if field.enum:
            yield field, described.__doc__ or ""
        nested = described.__annotations__["return"]
        for section in sections(args, nested) if field.message else ():
            yield from of_properties(section, field.message, (*within, args))


def snake(args: type, name: str) -> str:
    names = vars(sdk_schema)["pulumi_types"].input_type_py_to_pulumi_names(args)
    return next(each for each, other in names.items() if other == name)


def sections(args: type, hint: Any) -> list[type]:
    module = vars(sys.modules[args.__module__])
    return [module[name] for name in module if f"ForwardRef('{name}')" in str(hint)]


@pytest.fixture(scope="module")
def known() -> list[Any]:
    return [
        each
        for token, message in ((CLUSTER, types.Cluster), (NODE_POOL, types.NodePool))
        for each in of_properties(sdk_schema.args_class(token), message)
    ]


def test_every_enumeration_is_required_of_a_property_or_left_out_for_a_reason(known):
    seen: set[Any] = set()
    there = {*of_messages(types.Cluster, seen), *of_messages(types.NodePool, seen)}

    assert there - {name_of(field) for field, _ in known} == LEFT_OUT.keys()


def test_what_the_sdk_says_that_may_be_given_may_be_given(known):
    for field, described in known:
        first = min(field.enum, key=lambda each: each.value).name
        if first in described:
            assert first in members(field), name_of(field)


@pytest.mark.parametrize(
    ("token", "path", "value"),
    [
        (CLUSTER, "binaryAuthorization", {"evaluationMode": "ON"}),
        (CLUSTER, "securityPostureConfig", {"vulnerabilityMode": "BASIC"}),
        (CLUSTER, "ipAllocationPolicy__stackType", "IPV6"),
        (CLUSTER, "privateIpv6GoogleAccess", "YES"),
        (CLUSTER, "inTransitEncryptionConfig", "ON"),
        (CLUSTER, "nodePoolDefaults", {"nodeConfigDefaults": {"loggingVariant": "MAX"}}),
        (CLUSTER, "addonsConfig", {"cloudrunConfig": {"disabled": True, "loadBalancerType": "X"}}),
        (CLUSTER, "databaseEncryption", {"state": "UNKNOWN"}),
        (CLUSTER, "maintenancePolicy", {"recurringWindow": {**DAILY, "startTime": "8:00"}}),
        (
            CLUSTER,
            "maintenancePolicy",
            {
                "maintenanceExclusions": [
                    {**WINDOW, "exclusionName": "x", "exclusionOptions": {"scope": "NONE"}}
                ]
            },
        ),
        (NODE_POOL, "nodeConfig__taints__0__effect", "EFFECT_UNSPECIFIED"),
        (NODE_POOL, "nodeConfig__reservationAffinity", {"consumeReservationType": "ANY"}),
        (NODE_POOL, "nodeConfig__linuxNodeConfig", {"cgroupMode": "V2"}),
        (NODE_POOL, "nodeConfig__maxRunDuration", "1h"),
        (
            NODE_POOL,
            "upgradeSettings",
            {**UPGRADES, "blueGreenSettings": {**ROLLOUT, "nodePoolSoakDuration": "abc"}},
        ),
    ],
)
def test_what_is_no_member_duration_or_time_is_refused(token, path, value):
    (reason,) = refusals(token, **{path: value}).values()

    assert "that GKE knows: " in reason or reason.startswith("must be ")


@pytest.mark.parametrize(
    ("token", "path", "value"),
    [
        (CLUSTER, "releaseChannel__channel", "UNSPECIFIED"),
        (CLUSTER, "networkPolicy", {"enabled": False, "provider": "PROVIDER_UNSPECIFIED"}),
        (CLUSTER, "dnsConfig", {"clusterDns": "PROVIDER_UNSPECIFIED"}),
        (CLUSTER, "binaryAuthorization", {"evaluationMode": UNKNOWN}),
        (CLUSTER, "maintenancePolicy", {"recurringWindow": DAILY}),
        (
            CLUSTER,
            "maintenancePolicy",
            {
                "maintenanceExclusions": [
                    {**WINDOW, "exclusionName": "x", "exclusionOptions": {"scope": "NO_UPGRADES"}}
                ]
            },
        ),
        (NODE_POOL, "nodeConfig__linuxNodeConfig", {"cgroupMode": "CGROUP_MODE_UNSPECIFIED"}),
        (NODE_POOL, "nodeConfig__maxRunDuration", "3600s"),
        (
            NODE_POOL,
            "upgradeSettings",
            {**UPGRADES, "blueGreenSettings": {**ROLLOUT, "nodePoolSoakDuration": "3.5s"}},
        ),
    ],
)
def test_what_is_one_is_taken(token, path, value):
    assert refusals(token, **{path: value}) == {}
