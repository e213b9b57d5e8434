"""Rows of IAM: recorded after their checks, since nothing in the sandbox assumes a role."""

from sandbox.providers.aws.account import Account
from sandbox.providers.aws.checks import policy_document
from sandbox.providers.aws.resource_type import ResourceType, arn
from sandbox.providers.checks import between, exclusive, matches
from sandbox.providers.resource_type import Inputs, Outputs, by

_DOCS = "https://www.pulumi.com/registry/packages/aws/api-docs/iam/"
_NAMES = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
_ARN = r"arn:aws[a-z-]*:iam::(aws|\d{12}):policy/[\w+=,.@/-]+"


def _role(account: Account, identifier: str, _inputs: Inputs) -> Outputs:
    return {
        "arn": account.arn("iam", f"role/{identifier}", region=False),
        "uniqueId": f"AROA{identifier.upper()[:16]}",
    }


ROWS = (
    ResourceType(
        token="aws:iam/role:Role",
        docs=f"{_DOCS}role/",
        identify=by("name"),
        named_by="name",
        computed=_role,
        replaces=("name", "namePrefix", "path"),
        checks=(
            matches("name", r"[\w+=,.@-]{1,64}", _NAMES),
            policy_document("assumeRolePolicy"),
            between("maxSessionDuration", 3600, 43200, _NAMES),
        ),
    ),
    ResourceType(
        token="aws:iam/rolePolicy:RolePolicy",
        docs=f"{_DOCS}rolepolicy/",
        identify=by("role", "name"),
        named_by="name",
        replaces=("name", "namePrefix", "role"),
        checks=(matches("name", r"[\w+=,.@-]{1,128}", _NAMES), policy_document("policy")),
    ),
    ResourceType(
        token="aws:iam/policy:Policy",
        docs=f"{_DOCS}policy/",
        identify=lambda account, _, inputs: account.arn(
            "iam", f"policy/{inputs['name']}", region=False
        ),
        named_by="name",
        computed=lambda _, identifier, __: {"arn": identifier},
        replaces=("name", "namePrefix", "path", "description"),
        checks=(matches("name", r"[\w+=,.@-]{1,128}", _NAMES), policy_document("policy")),
    ),
    ResourceType(
        token="aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        docs=f"{_DOCS}rolepolicyattachment/",
        identify=by("role", "policyArn", separator="/"),
        replaces=("role", "policyArn"),
        checks=(matches("policyArn", _ARN, _NAMES),),
    ),
    ResourceType(
        token="aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        docs=f"{_DOCS}openidconnectprovider/",
        identify=lambda account, _, inputs: account.arn(
            "iam", f"oidc-provider/{inputs['url'].removeprefix('https://')}", region=False
        ),
        computed=lambda _, identifier, __: {"arn": identifier},
        replaces=("url",),
        checks=(matches("url", r"https://\S+", _NAMES),),
    ),
    ResourceType(
        token="aws:iam/instanceProfile:InstanceProfile",
        docs=f"{_DOCS}instanceprofile/",
        identify=by("name"),
        named_by="name",
        computed=arn("iam", "instance-profile/{id}", region=False),
        replaces=("name", "namePrefix", "path"),
        checks=(exclusive("name", "namePrefix"), matches("name", r"[\w+=,.@-]{1,128}", _NAMES)),
    ),
)
