"""A Kubernetes control plane of one stack: etcd, API server, controllers, scheduler, and kwok."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import requests
import yaml

from sandbox.control_plane import certificates
from sandbox.control_plane.certificates import Certificates
from sandbox.errors import SandboxError
from sandbox.layout import Layout
from sandbox.processes import Processes, free_port, write_atomically
from sandbox.providers.charts import AUTOSCALER, LOAD_BALANCER_CONTROLLER, TERMINATION_HANDLER
from sandbox.toolchain import Tools

START_LIMIT = 60.0
"""Seconds that a control plane may take until all of it is ready."""

PARTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
"""In the order in which they are started."""

CLIENTS = ("watcher", AUTOSCALER, LOAD_BALANCER_CONTROLLER, TERMINATION_HANDLER)
"""What else runs for a stack and has the certificates in memory."""

_PEER = "etcd-peer"
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
_REQUEST_LIMIT = 5.0
_STAGES = Path(__file__).with_name("stages.yaml")
_HEALTH: Mapping[str, str] = {"etcd": "/health", "kube-apiserver": "/readyz"}


class ControlPlane:
    """One API server and what belongs to it; all of it listens on 127.0.0.1 only."""

    def __init__(self, layout: Layout, stack: str, tools: Tools, processes: Processes) -> None:
        self._layout = layout
        self._folder = layout.cluster(stack)
        self._stack = stack
        self._tools = tools
        self._processes = processes
        self._certificates = Certificates(self._folder / "certificates")
        self.kubeconfig = layout.kubeconfig(stack)
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy of the user's reaches this machine's loopback
        self._session.verify = str(self._certificates.authority)
        self._session.cert = (
            str(self._certificates.certificate("admin")),
            str(self._certificates.key("admin")),
        )

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return f"https://127.0.0.1:{self._ports()['kube-apiserver']}"

    @property
    def ca_pem(self) -> str:
        """The certificate that the API server is verified with."""
        return self._certificates.authority.read_text()

    def name(self, part: str) -> str:
        """Return what a part's process is called."""
        return f"{self._stack}-{part}"

    def start(self) -> None:
        """Start what does not run, with the ports and data it had, and wait until all is ready."""
        deadline = time.monotonic() + START_LIMIT
        if not certificates.are_valid(self._certificates.folder):
            # What runs, clients too, would go on with the old ones.
            self._processes.end(*map(self.name, CLIENTS))
            self.end()
            certificates.write(self._certificates.folder)
        write_atomically(self.kubeconfig, self._kubeconfig())
        write_atomically(self._layout.authorities, self._authorities())
        for part in PARTS:
            if not self._processes.running(self.name(part)):
                self._start(part)
            if part in _HEALTH:  # the others need these two, and may come up side by side
                self._wait(part, deadline)
        for part in PARTS:
            self._wait(part, deadline)

    def end(self) -> None:
        """End all parts; data, certificates and ports stay."""
        self._processes.end(*map(self.name, reversed(PARTS)))

    def _start(self, part: str) -> None:
        ports = self._ports()
        own = {key: port for key, port in ports.items() if key.startswith(part)}
        binary = self._tools.kwok if part == "kwok" else self._tools.component(part)
        flags = [f"--{flag}={value}" for flag, value in self._flags(part, ports).items()]
        if part == "kwok":
            # A kwok that was killed still holds the nodes' leases; its successor would wait 40 s.
            self._session.delete(f"{self.server}{_LEASES}", timeout=_REQUEST_LIMIT)
        # kwok reads ~/.kwok/kwok.yaml on top of the file it is given.
        environment = {"KWOK_WORKDIR": str(self._folder / "kwok")}
        self._processes.start(self.name(part), [binary, *flags], environment, ports=own)

    def _wait(self, part: str, deadline: float) -> None:
        name, left = self.name(part), max(deadline - time.monotonic(), 0)
        try:
            self._processes.wait(name, self._health(part), left)
        except SandboxError as error:
            if self._processes.running(name):
                raise SandboxError(
                    f"the control plane of {self._stack} has {START_LIMIT:.0f} s to start: {error}"
                ) from error
            raise

    def _health(self, part: str) -> Callable[[], bool]:
        url = f"https://127.0.0.1:{self._ports()[part]}{_HEALTH.get(part, '/healthz')}"

        def healthy() -> bool:
            try:
                return self._session.get(url, timeout=_REQUEST_LIMIT).ok
            except requests.RequestException:
                return False

        return healthy

    def _ports(self) -> dict[str, int]:
        path = self._folder / "ports.json"
        try:
            return yaml.safe_load(path.read_text())
        except FileNotFoundError:
            ports: dict[str, int] = {}
            for key in (*PARTS, _PEER):
                ports[key] = free_port(taken=list(ports.values()))
            write_atomically(path, yaml.safe_dump(ports))
            return ports

    def _authorities(self) -> str:
        files = sorted(self._layout.clusters.glob("*/certificates/ca.crt"))
        return "".join(file.read_text() for file in files)

    def _kubeconfig(self) -> str:
        files = self._certificates
        cluster = {"server": self.server, "certificate-authority": str(files.authority)}
        user = {
            "client-certificate": str(files.certificate("admin")),
            "client-key": str(files.key("admin")),
        }
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": self._stack, "cluster": cluster}],
                "users": [{"name": self._stack, "user": user}],
                "contexts": [
                    {
                        "name": self._stack,
                        "context": {"cluster": self._stack, "user": self._stack},
                    }
                ],
                "current-context": self._stack,
            },
            sort_keys=False,
        )

    def _flags(self, part: str, ports: Mapping[str, int]) -> Mapping[str, object]:
        match part:
            case "etcd":
                return self._etcd(f"https://127.0.0.1:{ports[part]}", ports[_PEER])
            case "kube-apiserver":
                return self._api_server(ports[part], f"https://127.0.0.1:{ports['etcd']}")
            case "kube-controller-manager":
                return self._controller_manager(ports[part])
            case "kube-scheduler":
                return self._controller(ports[part])
            case _:
                return self._kwok(ports[part])

    def _etcd(self, url: str, peer_port: int) -> Mapping[str, object]:
        files, peer = self._certificates, f"https://127.0.0.1:{peer_port}"
        # On a machine of several users the loopback is everybody's: only our certificates get in.
        own = {
            "cert-file": files.certificate("apiserver"),
            "key-file": files.key("apiserver"),
            "trusted-ca-file": files.authority,
            "client-cert-auth": "true",
        }
        return {
            "name": "node0",
            "data-dir": self._folder / "etcd",
            "listen-client-urls": url,
            "advertise-client-urls": url,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"node0={peer}",
            # What the process has written survives its death; only a power cut can lose it.
            "unsafe-no-fsync": "true",
            "log-level": "warn",
            **own,
            **{f"peer-{flag}": value for flag, value in own.items()},
        }

    def _api_server(self, port: int, etcd: str) -> Mapping[str, object]:
        files = self._certificates
        return {
            "etcd-servers": etcd,
            "etcd-cafile": files.authority,
            "etcd-certfile": files.certificate("admin"),
            "etcd-keyfile": files.key("admin"),
            "bind-address": "127.0.0.1",
            "advertise-address": "127.0.0.1",
            "secure-port": port,
            # A loopback address is refused as an endpoint of the Service `kubernetes`, in a loop.
            "endpoint-reconciler-type": "none",
            "service-cluster-ip-range": "10.96.0.0/16",
            "allow-privileged": "true",
            "authorization-mode": "Node,RBAC",
            "client-ca-file": files.authority,
            "tls-cert-file": files.certificate("apiserver"),
            "tls-private-key-file": files.key("apiserver"),
            "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
            "service-account-key-file": files.service_account_public_key,
            "service-account-signing-key-file": files.key("service-account"),
            "proxy-client-cert-file": files.certificate("front-proxy"),
            "proxy-client-key-file": files.key("front-proxy"),
            "requestheader-client-ca-file": files.authority,
            "requestheader-allowed-names": "front-proxy-client",
            "requestheader-username-headers": "X-Remote-User",
            "requestheader-group-headers": "X-Remote-Group",
            "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        }

    def _controller(self, port: int) -> Mapping[str, object]:
        return {
            "kubeconfig": self.kubeconfig,
            "authentication-kubeconfig": self.kubeconfig,
            "authorization-kubeconfig": self.kubeconfig,
            "bind-address": "127.0.0.1",
            "secure-port": port,
            "tls-cert-file": self._certificates.certificate("apiserver"),
            "tls-private-key-file": self._certificates.key("apiserver"),
            "leader-elect": "false",
        }

    def _controller_manager(self, port: int) -> Mapping[str, object]:
        autoscaler = "horizontal-pod-autoscaler"
        return {
            **self._controller(port),
            "use-service-account-credentials": "true",
            "service-account-private-key-file": self._certificates.key("service-account"),
            "root-ca-file": self._certificates.authority,
            # An autoscaler's reaction is to be seen in seconds, not in minutes.
            f"{autoscaler}-sync-period": "5s",
            f"{autoscaler}-cpu-initialization-period": "5s",
            f"{autoscaler}-initial-readiness-delay": "1s",
            f"{autoscaler}-downscale-stabilization": "15s",
        }

    def _kwok(self, port: int) -> Mapping[str, object]:
        return {
            "kubeconfig": self.kubeconfig,
            "config": _STAGES,
            "manage-all-nodes": "true",
            "cidr": "10.244.0.0/16",
            "node-ip": "127.0.0.1",
            "node-port": port,
            "server-address": f"127.0.0.1:{port}",  # else it listens on all addresses
            "tls-cert-file": self._certificates.certificate("apiserver"),
            "tls-private-key-file": self._certificates.key("apiserver"),
            "node-lease-duration-seconds": 40,
        }
