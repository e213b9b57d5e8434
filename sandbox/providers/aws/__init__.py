"""The simulated aws provider: as strict as AWS in what it accepts, one row per resource type."""

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from sandbox.providers.aws.account import ACCOUNT_ID, Account
from sandbox.providers.aws.resource_type import ResourceType
from sandbox.providers.cloud import Cloud
from sandbox.providers.plugin import Refused
from sandbox.providers.resource_type import Outputs
from sandbox.providers.values import Properties

ROWS: Mapping[str, ResourceType] = {
    row.token: row
    for service in (
        "autoscaling",
        "cloudwatch",
        "eks",
        "events",
        "iam",
        "kms",
        "network",
        "s3",
        "sqs",
    )
    for row in import_module(f"{__name__}.{service}").ROWS
}


class Aws(Cloud[Account]):
    """AWS as the engine sees it."""

    version = version("pulumi-aws")
    name = "AWS"
    folder = "sandbox/providers/aws"
    rows = ROWS
    errors = (BotoCoreError, ClientError, ResponseParserError)

    def __init__(self) -> None:
        super().__init__()
        self._region = "us-east-1"

    def configure(self, settings: Properties) -> None:
        """Take the region."""
        self._region = settings.get("region", self._region)

    def account(self, stack: str) -> Account:
        """Return the account in the region."""
        return Account(self._region, stack)

    def own_outputs(self, account: Account, row: ResourceType) -> Outputs:
        """Return the region."""
        return {"region": account.region}

    def invoke(self, token: str, arguments: Properties, *, preview: bool) -> Properties:
        """Answer the account facts that the SDKs ask for; the program itself invokes nothing."""
        match token:
            case "aws:index/getPartition:getPartition":
                return {"partition": "aws", "dnsSuffix": "amazonaws.com", "id": "aws"}
            case "aws:index/getCallerIdentity:getCallerIdentity":
                return {"accountId": ACCOUNT_ID, "id": ACCOUNT_ID}
            case "aws:index/getRegion:getRegion":
                return {"region": self._region, "name": self._region, "id": self._region}
            case _:
                raise Refused(f"the function {token} has no answer in {self.folder}")
