"""The AWS account that the sandbox plays: its region, its names, and the clients of its emulator."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

ACCOUNT_ID = "123456789012"
"""The account that the emulator answers for."""

OWNER_TAG = "sandbox:owner"
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
        return _client(service, self.region)

    def arn(self, service: str, resource: str, *, region: bool = True) -> str:
        """Return the ARN of a resource of this account; IAM's have no region."""
        return f"arn:aws:{service}:{self.region if region else ''}:{ACCOUNT_ID}:{resource}"


@cache
def _client(service: str, region: str) -> Any:
    return boto3.client(service, region_name=region, config=_CLIENT)  # pyright: ignore
