"""What a cluster of any cloud is in the sandbox: the control plane of its stack."""

import base64
from dataclasses import dataclass
from pathlib import Path

import yaml

from sandbox.layout import Layout
from sandbox.providers.plugin import Refused


@dataclass(frozen=True)
class ControlPlane:
    """Where the API server of a stack answers, and whose certificate it has."""

    server: str
    _authority: str

    @classmethod
    def of_stack(cls, stack: str) -> "ControlPlane":
        """Return that of a stack.

        Raises:
            Refused: there is none.
        """
        kubeconfig = Layout.of_this_process().kubeconfig(stack)
        if not kubeconfig.exists():
            raise Refused(
                f"no control plane of stack {stack} is running; start it with `sandbox up`"
            )
        cluster = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]
        return cls(cluster["server"], cluster["certificate-authority"])

    @property
    def authority(self) -> str:
        """The certificate that its own is signed with, in base64."""
        return base64.b64encode(Path(self._authority).read_bytes()).decode()
