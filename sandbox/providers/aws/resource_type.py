"""A row of AWS's, and how EC2's ids and ARNs are made."""

from collections.abc import Callable

from sandbox.providers import resource_type
from sandbox.providers.aws.account import Account
from sandbox.providers.resource_type import Inputs, Outputs

ResourceType = resource_type.ResourceType[Account]


def prefixed(prefix: str) -> Callable[[Account, str, Inputs], str]:
    """Identify by prefix and 17 hexadecimal digits, as EC2 does: vpc-0a1b2c3d4e5f60718."""

    def identify(_account: Account, owner: str, _inputs: Inputs) -> str:
        return f"{prefix}-0{owner[:16]}"

    return identify


def arn(service: str, resource: str, *, region: bool = True) -> Callable[..., Outputs]:
    """Compute an ARN alone; `{id}` in the resource stands for the id."""

    def computed(account: Account, identifier: str, _inputs: Inputs) -> Outputs:
        return {"arn": account.arn(service, resource.format(id=identifier), region=region)}

    return computed
