"""Rows of CloudWatch: a group of logs is recorded after its checks, since nothing logs to it."""

from sandbox.providers.aws.account import Account
from sandbox.providers.aws.resource_type import ResourceType
from sandbox.providers.checks import matches, one_of
from sandbox.providers.resource_type import Inputs, Outputs, by

_DOCS = "https://www.pulumi.com/registry/packages/aws/api-docs/cloudwatch/"
_API = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/"


def _log_group(account: Account, identifier: str, _inputs: Inputs) -> Outputs:
    return {"arn": account.arn("logs", f"log-group:{identifier}")}


ROWS = (
    ResourceType(
        token="aws:cloudwatch/logGroup:LogGroup",
        docs=f"{_DOCS}loggroup/",
        identify=by("name"),
        named_by="name",
        computed=_log_group,
        replaces=("name", "namePrefix", "logGroupClass"),
        checks=(
            matches("name", r"[\w.\-/#]{1,512}", f"{_API}API_CreateLogGroup.html"),
            one_of("logGroupClass", ("STANDARD", "INFREQUENT_ACCESS", "DELIVERY"), _API),
        ),
    ),
)
