"""The containers that really run: what kwok says of a pod is so only on paper.

A pod of a controller that the sandbox has a program for is taken as a kubelet would: once it is
placed and Running its program is started with the container's command and environment, and ended
when the pod goes. Several replicas have one program, as one of them would lead.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sandbox.kubernetes_api import KubernetesApi, Object, items
from sandbox.layout import Layout
from sandbox.processes import Processes, write_atomically
from sandbox.providers.charts import (
    AUTOSCALER,
    AUTOSCALER_IMAGE,
    BY_HELM,
    LOAD_BALANCER_CONTROLLER,
    LOAD_BALANCER_CONTROLLER_IMAGE,
    TERMINATION_HANDLER,
    TERMINATION_HANDLER_IMAGE,
)

_BACK_OFF_SECONDS = 10.0
_POD = "SANDBOX_POD_UID"
_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_TOKEN_SECONDS = 365 * 24 * 3600
# A mount namespace of the process's own: outside of it nobody sees the service account's folder.
_WITH_ACCOUNT = f"""
mount -t tmpfs tmpfs /var/run && mkdir -p {_ACCOUNT} && mount --bind "$1" {_ACCOUNT} || exit
shift
exec "$@"
"""


@dataclass(frozen=True)
class Containers:
    """The containers of one stack's controllers."""

    layout: Layout
    stack: str
    region: str
    api: KubernetesApi
    termination_handler: Path

    def reconcile(self) -> None:
        """Start the programs of the pods that are there, and end those of pods that are gone."""
        pods: dict[str, Object] = {}
        for pod in self.api.list("v1", "Pod", label_selector="=".join(BY_HELM)):
            if _runs(pod):
                image = pod["spec"]["containers"][0]["image"].rpartition(":")[0]
                pods.setdefault(image, pod)
        for image, (name, program) in self._programs.items():
            self._run(f"{self.stack}-{name}", pods.get(image), program)

    @property
    def _programs(self) -> Mapping[str, tuple[str, Callable[[Object], Sequence[str | Path]]]]:
        return {
            AUTOSCALER_IMAGE: (AUTOSCALER, self._autoscaler),
            TERMINATION_HANDLER_IMAGE: (TERMINATION_HANDLER, self._handler),
            LOAD_BALANCER_CONTROLLER_IMAGE: (LOAD_BALANCER_CONTROLLER, self._balancers),
        }

    def _run(
        self, name: str, pod: Object | None, program: Callable[[Object], Sequence[str | Path]]
    ) -> None:
        processes = Processes(self.layout)
        part = processes.record(name)
        process = part.process if part else None
        uid = pod["metadata"]["uid"] if pod else None
        if process and process.environ().get(_POD) == uid:
            return
        if part and (process or pod is None):
            processes.end(name)
        elif part and time.time() - part.create_time < _BACK_OFF_SECONDS:
            return
        if pod is not None:
            processes.start(name, program(pod), self._environment(pod))

    def _autoscaler(self, pod: Object) -> Sequence[str | Path]:
        place = ("--root", str(self.layout.root), "--stack", self.stack, "--region", self.region)
        flags = pod["spec"]["containers"][0]["command"][1:]
        return [sys.executable, "-m", "sandbox.cluster_autoscaler", *place, *flags]

    def _balancers(self, _: Object) -> Sequence[str | Path]:
        kubeconfig = self.layout.kubeconfig(self.stack)
        return [sys.executable, "-m", "sandbox.load_balancer_controller", kubeconfig]

    def _handler(self, pod: Object) -> Sequence[str | Path]:
        # It knows a service account's folder only in the place that it has in a container.
        rights = () if os.geteuid() == 0 else ("--map-root-user",)
        account = self._service_account(pod)
        shell = ("sh", "-c", _WITH_ACCOUNT, "sh", account)
        return ["unshare", "--mount", *rights, *shell, self.termination_handler]

    def _service_account(self, pod: Object) -> Path:
        namespace, name = pod["metadata"]["namespace"], pod["spec"]["serviceAccountName"]
        path = self.api.path("v1", "ServiceAccount", namespace, name)
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": _TOKEN_SECONDS},
        }
        token = self.api.call("POST", f"{path}/token", request)["status"]["token"]
        cluster = self.layout.cluster(self.stack)
        folder = cluster / "accounts" / name
        authority = (cluster / "certificates" / "ca.crt").read_text()
        for file, content in (("token", token), ("ca.crt", authority), ("namespace", namespace)):
            write_atomically(folder / file, content)
        return folder

    def _environment(self, pod: Object) -> Mapping[str, str]:
        given = items(pod["spec"]["containers"][0], "env")
        server = urlsplit(self.api.server)
        account = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        return {
            **account,
            **{variable["name"]: str(variable.get("value", "")) for variable in given},
            "AWS_ENDPOINT": os.environ.get("AWS_ENDPOINT_URL", ""),
            "KUBERNETES_SERVICE_HOST": str(server.hostname),
            "KUBERNETES_SERVICE_PORT": str(server.port),
            "NODE_NAME": pod["spec"]["nodeName"],
            "POD_NAME": pod["metadata"]["name"],
            # It would listen on all addresses.
            "ENABLE_PROBES_SERVER": "false",
            _POD: pod["metadata"]["uid"],
        }


def _runs(pod: Object) -> bool:
    return pod["status"].get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]
