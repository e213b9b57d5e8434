"""The AWS account that the sandbox plays: its region, its names, its emulator's clients."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ACCOUNT_ID = "123456789012"
"""The account that the emulator answers for."""

OWN_TAGS = "sandbox:"
"""What the tags of the sandbox's own begin with; the program never sees them."""

OWNER_TAG = f"{OWN_TAGS}owner"
"""The tag by which an object is found again that was created but never recorded."""

# A refused connection means that the emulator is gone: waiting longer does not bring it back.
_CLIENT = Config(connect_timeout=2, read_timeout=30, retries={"total_max_attempts": 2})


@dataclass(frozen=True)
class Account:
    """One region of the account, as seen from one stack."""

    region: str
    stack: str

    def client(self, service: str) -> Any:
        """Return a client of the emulator; its address comes from AWS_ENDPOINT_URL."""
        return _client(service, self.region, os.environ.get("AWS_ENDPOINT_URL"))

    def arn(self, service: str, resource: str, *, region: bool = True) -> str:
        """Return the ARN of a resource of this account; IAM's have no region."""
        return f"arn:aws:{service}:{self.region if region else ''}:{ACCOUNT_ID}:{resource}"


@cache
def _client(service: str, region: str, endpoint: str | None) -> Any:
    # The stubs want each service's name as a literal.
    make = cast("Callable[..., Any]", boto3.client)  # pyright: ignore[reportUnknownMemberType]
    return make(service, region_name=region, endpoint_url=endpoint, config=_CLIENT)


def error_code(error: ClientError) -> str:
    """Return the name that AWS gives a fault, such as InvalidSubnetID.NotFound."""
    return error.response.get("Error", {}).get("Code", "")


def is_missing(error: ClientError) -> bool:
    """Tell whether a fault says that what was asked for is not there."""
    return any(word in error_code(error) for word in ("404", "NotFound", "NoSuch"))
