"""IAM policy documents as text."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

Statement = Mapping[str, Any]


def policy_document(*statements: Statement) -> str:
    """Return the document of some statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(
    actions: str | Sequence[str],
    resources: str | Sequence[str] = "*",
    condition: Mapping[str, Mapping[str, Any]] | None = None,
) -> Statement:
    """Return a statement that allows actions on resources."""
    statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return {**statement, "Condition": condition} if condition else statement
