"""The row of Cloud Armor's policies: recorded, since no load balancer of the sandbox asks them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from ipaddress import ip_network

from sandbox.providers.checks import any_of, between, exclusive, found, matches
from sandbox.providers.gcp.checks import NAME, NAMES, labels
from sandbox.providers.gcp.resource_type import ResourceType, kept, linked, path
from sandbox.providers.plugin import Failure
from sandbox.providers.resource_type import Inputs

_DOCS = "https://www.pulumi.com/registry/packages/gcp/api-docs/compute/securitypolicy/"
_API = "https://cloud.google.com/compute/docs/reference/rest/v1/securityPolicies"
_LIMITS = "https://cloud.google.com/armor/quotas"
_LAST = 2147483647
_MOST_RANGES = 10
# What an action has to say more about.
_OPTIONS: Mapping[str, str] = {
    "throttle": "rateLimitOptions",
    "rate_based_ban": "rateLimitOptions",
    "redirect": "redirectOptions",
}


def _rules_end_with_a_default(inputs: Inputs) -> Iterator[Failure]:
    priorities = Counter(value for _, value in found(inputs, "rules.*.priority"))
    for priority, times in priorities.items():
        if times > 1:
            yield Failure("rules", f"{times} rules have the priority {priority} ({_API})")
    if not inputs.get("rules") or len(inputs["rules"]) != priorities.total():
        return  # there is one by itself, or it may be the one that is not known yet
    if _LAST not in priorities:
        yield Failure("rules", f"one must be the default, with the priority {_LAST} ({_API})")
    for at, rule in found(inputs, "rules.*"):
        ranges = [value for _, value in found(rule, "match.config.srcIpRanges.*")]
        if rule["priority"] == _LAST and ranges and ranges != ["*"]:
            yield Failure(f"{at}.match", f"the default rule must match *, got {ranges} ({_API})")


def _ranges_are_few(inputs: Inputs) -> Iterator[Failure]:
    for at, ranges in found(inputs, "rules.*.match.config.srcIpRanges"):
        if len(ranges) > _MOST_RANGES:
            given = f"must be at most {_MOST_RANGES}, got {len(ranges)} ({_LIMITS})"
            yield Failure(at, given)


def _addresses_are_some(inputs: Inputs) -> Iterator[Failure]:
    for at, given in found(inputs, "rules.*.match.config.srcIpRanges.*"):
        try:
            ip_network("0.0.0.0/0" if given == "*" else given)
        except ValueError as error:
            yield Failure(at, f"must be *, an IP address or a network: {error} ({_API})")


def _rules_are_whole(inputs: Inputs) -> Iterator[Failure]:
    for at, rule in found(inputs, "rules.*"):
        options = _OPTIONS.get(rule.get("action"))
        if options and rule.get(options) is None:
            yield Failure(f"{at}.{options}", f"is required with action {rule['action']} ({_API})")
        for place, match in found(rule, "match"):
            versioned, config = match.get("versionedExpr"), match.get("config")
            if (versioned is None) is not (config is None):
                limit = "is required with versionedExpr, and only with it"
                yield Failure(f"{at}.{place}.config", f"{limit} ({_API})")


ROWS = (
    ResourceType(
        token="gcp:compute/securityPolicy:SecurityPolicy",
        docs=_DOCS,
        identify=path("projects/{project}/global/securityPolicies/{name}"),
        named_by="name",
        computed=linked("compute"),
        replaces=("name", "project", "type"),
        checks=(
            matches("name", NAME, NAMES),
            matches(
                "rules.*.action",
                r"allow|deny\((403|404|502)\)|rate_based_ban|redirect|throttle",
                _API,
            ),
            matches(
                "rules.*.rateLimitOptions.exceedAction",
                r"deny\((403|404|429|502)\)|redirect",
                _API,
            ),
            between("rules.*.priority", 0, _LAST, _API),
            exclusive("expr", "versionedExpr", within="rules.*.match"),
            any_of("expr", "versionedExpr", within="rules.*.match"),
            _addresses_are_some,
            _rules_are_whole,
            labels("labels"),
            _ranges_are_few,
            _rules_end_with_a_default,
        ),
        stays=kept,
    ),
)
