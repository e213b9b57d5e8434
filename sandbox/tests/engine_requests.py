"""What the engine asks a provider, one resource after another, for the tests of all clouds."""

import json
from typing import Any

from sandbox.providers.plugin import Live, Provider, Request, Urn


def refusals(
    provider: Provider, token: str, inputs: dict[str, Any], **change: Any
) -> dict[str, str]:
    """Return what is refused of inputs in which some paths were changed; `__` is a dot."""
    changed = json.loads(json.dumps(inputs))
    for path, value in change.items():
        *parents, last = path.split("__")
        section = changed
        for parent in parents:
            section = section[int(parent)] if parent.isdigit() else section.setdefault(parent, {})
        section[last] = value
    urn = Urn(f"urn:pulumi:dev::tests::{token}::thing")
    _, found = provider.check(urn, {}, changed, b"seed")
    return {failure.property: failure.reason for failure in found}


class Requests:
    """A provider as the engine uses it."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider

    def checked(self, token: str, name: str, inputs: dict[str, Any]) -> Request:
        urn = Urn(f"urn:pulumi:dev::tests::{token}::{name}")
        filled, failures = self.provider.check(urn, {}, inputs, name.encode())
        assert not failures
        return Request(urn=urn, inputs=filled)

    def make(self, token: str, name: str, inputs: dict[str, Any]) -> tuple[Request, dict[str, Any]]:
        wished = self.checked(token, name, inputs)
        identifier, outputs = self.provider.create(wished)
        made = Request(urn=wished.urn, id=identifier, inputs=wished.inputs, old_outputs=outputs)
        return made, outputs

    def change(self, made: Request, **inputs: Any) -> dict[str, Any]:
        new = {**made.inputs, **inputs}
        return self.provider.update(
            Request(urn=made.urn, id=made.id, inputs=new, old_inputs=made.inputs)
        )

    def read(self, made: Request) -> Live | None:
        return self.provider.read(made)
