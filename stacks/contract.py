"""Another stack's outputs, read as what every stack promises."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pulumi
from pydantic import TypeAdapter, ValidationError

from settings.faults import fault_line, fault_lines
from stacks.outputs import CONTRACT_VERSION, StackOutputs

_VERSION = "contract_version"


async def read(stack: str) -> StackOutputs:
    """Return the outputs of a stack; the kubeconfig stays a secret.

    Raises:
        pulumi.RunError: it has none, they are of a newer contract, or not as they should be.
    """
    # They are of the last deployment of that stack, and so known in a preview too.
    outputs = await pulumi.StackReference(stack).outputs.future()
    return _checked(stack, outputs or {})


def _checked(stack: str, outputs: Mapping[str, Any]) -> StackOutputs:
    version = outputs.get(_VERSION)
    if version is None:
        raise pulumi.RunError(
            f"stack {stack} has no output {_VERSION}: deploy it first, or name a stack of this "
            "program"
        )
    if isinstance(version, int | float) and version > CONTRACT_VERSION:
        raise pulumi.RunError(
            f"stack {stack} keeps contract {version:g}, this program reads up to "
            f"{CONTRACT_VERSION}: update this program"
        )
    kubeconfig = outputs.get("kubeconfig")
    # Pydantic would show it.
    shown = {**outputs, "kubeconfig": ""}
    faults = [] if kubeconfig and isinstance(kubeconfig, str) else [_unreadable(stack)]
    try:
        read = TypeAdapter(StackOutputs).validate_python(shown)
    except ValidationError as error:
        faults += [line.removeprefix(".") for line in fault_lines("", shown, error)]
    else:
        if not faults:
            return replace(read, kubeconfig=pulumi.Output.secret(kubeconfig))
    title = (
        f"the outputs of stack {stack} are not those of contract {CONTRACT_VERSION}; if an older "
        "program wrote them, deploy it again:"
    )
    raise pulumi.RunError("\n  ".join([title, *faults]))


def _unreadable(stack: str) -> str:
    rule = "must be there, a text that this stack may decrypt: the secrets provider of "
    return fault_line("kubeconfig", f"{rule}{stack} has to be usable here")
