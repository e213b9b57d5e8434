"""A stack's platform keeps its kind: another one would end the cluster to build the other."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pulumi

from settings import refusal
from settings.faults import fault_line

_KEY = "tfserving:platform.kind"
_READ = "pulumi:pulumi:readStackOutputs"
_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds between attempts to read a state that is being written."""


async def check(kind: str) -> None:
    """Stop the program if this stack was last deployed with another kind of platform.

    Raises:
        pulumi.RunError: it was.
    """
    before = await _last()
    if before is not None and before != kind:
        stack = pulumi.get_stack()
        limit = f"must stay {before}, which stack {stack} has: all of that would be deleted. Give "
        limit += "the other a file of its own, or end this one first: pulumi destroy --stack "
        raise refusal([fault_line(_KEY, f"{limit}{stack}", kind)])


async def _last() -> str | None:
    platform = _mapping(_mapping(await _last_outputs()).get("outputs")).get("platform")
    kind = _mapping(platform).get("kind")
    return None if kind is None else str(kind)


async def _last_outputs() -> object:
    # The engine's own function, which asks the state and no cloud, and leaves nothing there as a
    # StackReference would. A backend of files may be writing it at the moment.
    if (root := pulumi.runtime.get_root_resource()) is not None:
        await root.urn.future()  # else the state would have the engine's provider before the stack
    own = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    for pause in _PAUSES:
        try:
            return await pulumi.runtime.invoke_async(_READ, {"name": own})
        except Exception:  # the SDK raises no other
            await asyncio.sleep(pause)
    return await pulumi.runtime.invoke_async(_READ, {"name": own})


def _mapping(value: object) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], value) if isinstance(value, Mapping) else {}
