"""Rows of IAM: recorded after their checks, since nothing in the sandbox is who it says it is."""

import hashlib
import re
from collections.abc import Iterator

from sandbox.providers.checks import Check, matches
from sandbox.providers.gcp.project import Project
from sandbox.providers.gcp.resource_type import ResourceType, kept, path
from sandbox.providers.plugin import Failure
from sandbox.providers.resource_type import Inputs, Outputs
from sandbox.providers.values import UNKNOWN, nested

_DOCS = "https://www.pulumi.com/registry/packages/gcp/api-docs/"
_ACCOUNTS = "https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/create"
_PRINCIPALS = "https://cloud.google.com/iam/docs/principal-identifiers"
_ROLES = "https://cloud.google.com/iam/docs/roles-overview"
_CONDITIONS = "https://cloud.google.com/iam/docs/conditions-overview"
_PROJECTS = "https://cloud.google.com/resource-manager/docs/creating-managing-projects"

PROJECT_ID = r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]"
_ROLE = rf"((projects/{PROJECT_ID}|organizations/\d+)/)?roles/[A-Za-z0-9_.]+"
_BASIC = ("roles/owner", "roles/editor", "roles/viewer")
_EVERYONE = ("allUsers", "allAuthenticatedUsers")
_EMAIL = r"[^@\s:/]+@[\w-]+(\.[\w-]+)+"
_POD = rf"serviceAccount:{PROJECT_ID}\.svc\.id\.goog\[[a-z0-9-]+/[a-z0-9.-]+\]"
_MEMBER = (
    rf"(user|group|serviceAccount):{_EMAIL}|domain:[\w-]+(\.[\w-]+)+|{_POD}"
    rf"|project(Owner|Editor|Viewer):{PROJECT_ID}"
)
_POOL = re.compile(
    r"principal(Set)?://iam\.googleapis\.com/projects/(?P<number>[^/]*)/(?P<rest>.*)"
)
_IN_POOL = (
    r"locations/global/workloadIdentityPools/(?P<pool>[^/]+)/"
    r"(subject/(?P<subject>.+)|group/.+|attribute\.[\w-]+/.+|namespace/[a-z0-9-]+|"
    r"kubernetes\.cluster/.+|\*)"
)
_OF_A_POD = r"ns/[a-z0-9]([a-z0-9-]*[a-z0-9])?/sa/[a-z0-9]([a-z0-9.-]*[a-z0-9])?"
_WORKFORCE = re.compile(
    r"principal(Set)?://iam\.googleapis\.com/locations/global/workforcePools/\S+"
)
_MOST_OPERATORS = 12
_LONGEST_TITLE = 100


def member(*, everyone: bool) -> Check:
    """Require an identity as IAM writes them; that of everyone is none for a project."""

    def check(inputs: Inputs) -> Iterator[Failure]:
        given = str(inputs.get("member", UNKNOWN))
        if given != UNKNOWN and (fault := _member_fault(given, everyone=everyone)):
            yield Failure("member", f"{fault}, got {given!r} ({_PRINCIPALS})")

    return check


def role() -> Check:
    """Require the name of a role, predefined or custom."""
    return matches("role", _ROLE, _ROLES)


def condition(inputs: Inputs) -> Iterator[Failure]:
    """Yield what IAM would refuse of a binding's condition."""
    given = nested(inputs, "condition")
    if given and inputs.get("role") in _BASIC:
        yield Failure("condition", f"no basic role may have one ({_CONDITIONS})")
    for name in given.keys() & {"title", "expression"}:
        if not given[name]:
            yield Failure(f"condition.{name}", f"must not be empty ({_CONDITIONS})")
    title, expression = given.get("title", ""), str(given.get("expression", ""))
    if len(title) > _LONGEST_TITLE:
        limit = f"must have at most {_LONGEST_TITLE} characters, got {len(title)}"
        yield Failure("condition.title", f"{limit} ({_CONDITIONS})")
    operators = len(re.findall(r"&&|\|\||!(?!=)", re.sub(r"\"[^\"]*\"|'[^']*'", "", expression)))
    if operators > _MOST_OPERATORS:
        limit = f"must have at most {_MOST_OPERATORS} logical operators, got {operators}"
        yield Failure("condition.expression", f"{limit} ({_CONDITIONS})")


def grant(template: str) -> str:
    """Return the template of the id of what one member was granted."""
    return f"{template}/{{role}}/{{member}}"


def _member_fault(given: str, *, everyone: bool) -> str:
    if given in _EVERYONE:
        return "" if everyone else "a project has no roles for everyone"
    pool = _POOL.fullmatch(given)
    if pool is None:
        known = re.fullmatch(_MEMBER, given) or _WORKFORCE.fullmatch(given)
        return "" if known else "must be an identity such as serviceAccount:EMAIL"
    if not pool["number"].isdecimal():
        return f"must have the project's number, not {pool['number']!r}"
    found = re.fullmatch(_IN_POOL, pool["rest"])
    if found is None:
        return "must go on with locations/global/workloadIdentityPools/POOL/subject/..."
    of_gke = found["pool"].endswith(".svc.id.goog")
    if of_gke and found["subject"] and not re.fullmatch(_OF_A_POD, found["subject"]):
        return "must end with subject/ns/NAMESPACE/sa/SERVICE_ACCOUNT in a pool of GKE's"
    return ""


def _account(project: Project, identifier: str, inputs: Inputs) -> Outputs:
    email = f"{inputs['accountId']}@{project.of(inputs)}.iam.gserviceaccount.com"
    unique = int(hashlib.sha256(identifier.encode()).hexdigest(), 16) % 10**20
    return {
        "email": email,
        "member": f"serviceAccount:{email}",
        "name": f"projects/{project.of(inputs)}/serviceAccounts/{email}",
        "uniqueId": f"1{unique:020}",
    }


ROWS = (
    ResourceType(
        token="gcp:serviceaccount/account:Account",
        docs=f"{_DOCS}serviceaccount/account/",
        identify=path(
            "projects/{project}/serviceAccounts/{accountId}@{project}.iam.gserviceaccount.com"
        ),
        named_by="accountId",
        computed=_account,
        replaces=("accountId", "project"),
        checks=(
            matches("accountId", r"[a-z][-a-z0-9]{4,28}[a-z0-9]", _ACCOUNTS),
            matches("displayName", r".{0,100}", _ACCOUNTS),
            matches("description", r"(?s:.{0,256})", _ACCOUNTS),
        ),
        stays=kept,
    ),
    ResourceType(
        token="gcp:projects/iAMMember:IAMMember",
        docs=f"{_DOCS}projects/iammember/",
        identify=path(grant("{project}")),
        replaces=("project", "role", "member", "condition"),
        checks=(
            matches("project", PROJECT_ID, _PROJECTS),
            role(),
            member(everyone=False),
            condition,
        ),
    ),
)
