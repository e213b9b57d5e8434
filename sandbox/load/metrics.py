"""The metrics API of a stack's cluster, as metrics-server registers it; the HPA needs it."""

import base64
import sys
from pathlib import Path

from sandbox.control_plane import certificates
from sandbox.control_plane.certificates import Certificates
from sandbox.kubernetes_api import ApiError, KubernetesApi, Object
from sandbox.layout import Layout
from sandbox.processes import Processes, free_port

NAME = "metrics-server"
"""Of the process, of its certificate, and of the Service by which the API server finds it."""

GROUP_VERSION = "metrics.k8s.io/v1beta1"
"""The API that is served."""

START_LIMIT = 30.0
"""Seconds until the API server must have an answer from it."""

_NAMESPACE = "kube-system"


def certificates_of(layout: Layout, stack: str) -> Path:
    """Return the folder of the server's certificate.

    It is within the control plane's: what is made anew with it is that server's client.
    """
    return layout.cluster(stack) / "certificates" / NAME


class MetricsServer:
    """The process that serves the API, and its registration with the API server."""

    def __init__(self, layout: Layout, stack: str, processes: Processes) -> None:
        self._layout = layout
        self._stack = stack
        self._processes = processes
        self._name = f"{stack}-{NAME}"

    def start(self) -> None:
        """Start it unless it runs, register it, and wait until the API server reaches it."""
        folder = certificates_of(self._layout, self._stack)
        if not certificates.are_valid(folder):
            self._processes.end(self._name)
            certificates.write_server(folder, NAME, f"{NAME}.{_NAMESPACE}.svc")
        api = KubernetesApi.from_kubeconfig(self._layout.kubeconfig(self._stack))
        part = self._processes.running(self._name)
        if part is None:
            # A new port is a change of the registration: the API server looks at once, instead of
            # half a minute after it last found nobody there.
            port = free_port()
            argv = [sys.executable, "-m", "sandbox.load.metrics_server"]
            argv += ["--root", str(self._layout.root), "--stack", self._stack, "--port", str(port)]
            part = self._processes.start(self._name, argv, ports={NAME: port})
        for registration in _registrations(part.ports[NAME], Certificates(folder)):
            api.apply(registration, field_manager="sandbox", force=True)
        self._processes.wait(self._name, lambda: _answers(api), START_LIMIT)


def _registrations(port: int, own: Certificates) -> tuple[Object, Object]:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME, "namespace": _NAMESPACE},
        "spec": {"type": "ExternalName", "externalName": "127.0.0.1"},
    }
    group, _, version = GROUP_VERSION.partition("/")
    return service, {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{version}.{group}"},
        "spec": {
            "group": group,
            "version": version,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "service": {"name": NAME, "namespace": _NAMESPACE, "port": port},
            "caBundle": base64.b64encode(own.authority.read_bytes()).decode(),
        },
    }


def _answers(api: KubernetesApi) -> bool:
    try:
        return api.call("GET", f"/apis/{GROUP_VERSION}")["groupVersion"] == GROUP_VERSION
    except ApiError:
        return False
