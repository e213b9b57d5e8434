"""Credentials that somebody put into a stack file: found, and never shown."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

HIDDEN = "<not shown>"
"""What stands for a secret in the data that everything else is told of."""

SECRET_RULE = (
    "must not be a secret: a stack file is for everybody who reads the repository, and its history "
    "for ever; revoke it, and give credentials to the process that deploys"
)

_PATTERNS = (
    r"\b(AKIA|ASIA)[A-Z0-9]{16}\b",  # AWS access keys, and temporary ones
    r"-----BEGIN [A-Z ]*PRIVATE KEY",  # also in the JSON of a Google service account
    r"\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{22})",
    r"\bxox[abeoprs]-[A-Za-z0-9-]{10}",  # Slack
    r"\bAIza[\w-]{35}",  # Google API keys
    r"\bya29\.[\w-]{20}",  # Google access tokens
    r"\bpul-[0-9a-f]{40}\b",
    r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+",  # JSON Web Tokens, such as those of service accounts
)
_SECRET = re.compile("|".join(_PATTERNS))
# What a key says to be a secret is taken for one, whatever it looks like.
_NAMES_A_SECRET = re.compile(
    r".*(password|passwd|passphrase|token|(secret|private|api)[_-]?(access[_-]?)?key"
    r"|client[_-]?secret|access[_-]?key([_-]?id)?)",
    re.IGNORECASE,
)
_OF_A_PROVIDER = re.compile(r"(aws|gcp):(accessKey|secretKey|token|credentials|accessToken)")


class Hidden(NamedTuple):
    """A value without the secrets in it, and where they were."""

    shown: Any
    paths: Sequence[str]


def hide(key: str, given: Any) -> Hidden:
    """Return the value of a config key without the secrets in it."""
    found: list[str] = []
    return Hidden(_hidden(key, key, given, found), found)


def _hidden(path: str, key: str, given: Any, found: list[str]) -> Any:
    if isinstance(given, Mapping):
        mapping = cast(Mapping[str, Any], given)
        return dict(_entries(path, mapping, found))
    if isinstance(given, list):
        values = cast(list[Any], given)
        return [_hidden(f"{path}.{at}", key, each, found) for at, each in enumerate(values)]
    if isinstance(given, str) and _is_secret(key, given):
        found.append(path)
        return HIDDEN
    return given


def _entries(path: str, given: Mapping[str, Any], found: list[str]) -> Iterator[tuple[str, Any]]:
    for key, value in given.items():
        shown = key
        if _SECRET.search(key):
            found.append(path)
            shown = HIDDEN
        yield shown, _hidden(f"{path}.{shown}", key, value, found)


def _is_secret(key: str, given: str) -> bool:
    named = _OF_A_PROVIDER.fullmatch(key) or _NAMES_A_SECRET.fullmatch(key)
    return bool(given and (named or _SECRET.search(given)))
