"""Rows of KMS: recorded after their checks, since nothing in the sandbox encrypts."""

from uuid import UUID

from sandbox.providers.aws.account import Account
from sandbox.providers.aws.checks import one_of_shape, policy_document
from sandbox.providers.aws.resource_type import ResourceType
from sandbox.providers.checks import between, matches
from sandbox.providers.resource_type import Inputs, Outputs, by

_DOCS = "https://www.pulumi.com/registry/packages/aws/api-docs/kms/"
_API = "https://docs.aws.amazon.com/kms/latest/APIReference/"


def _key(account: Account, identifier: str, _inputs: Inputs) -> Outputs:
    return {"arn": account.arn("kms", f"key/{identifier}"), "keyId": identifier}


def _key_id(_account: Account, owner: str, _inputs: Inputs) -> str:
    return str(UUID(owner[:32]))


def _alias(account: Account, identifier: str, inputs: Inputs) -> Outputs:
    target = f"key/{inputs['targetKeyId']}"
    return {"arn": account.arn("kms", identifier), "targetKeyArn": account.arn("kms", target)}


ROWS = (
    ResourceType(
        token="aws:kms/key:Key",
        docs=f"{_DOCS}key/",
        identify=_key_id,
        computed=_key,
        replaces=("customerMasterKeySpec", "keyUsage", "multiRegion", "customKeyStoreId"),
        checks=(
            between("deletionWindowInDays", 7, 30, f"{_API}API_ScheduleKeyDeletion.html"),
            one_of_shape("keyUsage", "kms", "KeyUsageType"),
            policy_document("policy"),
        ),
    ),
    ResourceType(
        token="aws:kms/alias:Alias",
        docs=f"{_DOCS}alias/",
        identify=by("name"),
        named_by="name",
        computed=_alias,
        replaces=("name", "namePrefix"),
        checks=(
            matches("name", r"alias/(?!aws/)[A-Za-z0-9/_-]{1,250}", f"{_API}API_CreateAlias.html"),
        ),
    ),
)
