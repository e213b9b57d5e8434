"""What every stack promises to those who build on it, whichever cloud it runs on."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

# It goes up by one when a reader has to change; a field more is no reason for that.
CONTRACT_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """Where one model is to be had."""

    version: int
    rest_url: pulumi.Output[str]
    grpc_address: pulumi.Output[str]
    public_url: pulumi.Output[str] | None = None


@dataclass(frozen=True, kw_only=True)
class StackOutputs:
    """The exported values. Each field is a contract: add freely, never rename or remove."""

    platform: pulumi.Input[Mapping[str, object]]
    kubeconfig: pulumi.Output[str]
    model_bucket: pulumi.Output[str]
    models: Mapping[str, ServedModel]
    contract_version: int = CONTRACT_VERSION

    def export(self) -> None:
        """Export every field under its own name."""
        models = {name: vars(model) for name, model in self.models.items()}
        for name, value in {**vars(self), "models": models}.items():
            pulumi.export(name, value)
