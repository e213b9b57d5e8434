import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from sandbox.control_plane import PARTS, ControlPlane
from sandbox.layout import Layout
from sandbox.processes import MARKER, Processes
from sandbox.toolchain import Tools

OBJECTS = """
apiVersion: v1
kind: Node
metadata: {name: node-a, labels: {kubernetes.io/hostname: node-a}}
status:
  allocatable: {cpu: "3920m", memory: 15Gi, pods: "58"}
  capacity: {cpu: "4", memory: 16Gi, pods: "58"}
  nodeInfo: {kubeletVersion: v1.35.2-eks-x}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 3
      initContainers: [{name: fetch, image: fetch}]
      containers: [{name: serve, image: serve, resources: {requests: {cpu: "1"}}}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: work, image: work}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}
"""

Kubectl = Callable[..., str]


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    processes = Processes(Layout(tmp_path_factory.mktemp("clone")))
    yield processes
    processes.end_all()


@pytest.fixture(scope="module")
def control_plane(tools: Tools, processes: Processes) -> ControlPlane:
    control_plane = ControlPlane(processes.layout, "test", tools, processes)
    control_plane.start()
    return control_plane


@pytest.fixture(scope="module")
def kubectl(tools: Tools, control_plane: ControlPlane) -> Kubectl:
    def run(*arguments: str, stdin: str = "") -> str:
        return subprocess.run(
            [tools.kubectl, "--kubeconfig", control_plane.kubeconfig, *arguments],
            input=stdin,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout

    run("create", "--filename=-", stdin=OBJECTS)
    run("wait", "deployment/web", "--for=condition=Available", "--timeout=30s")
    return run


def test_pods_run_on_a_node_that_keeps_what_it_was_given(kubectl: Kubectl) -> None:
    node = kubectl(
        "get",
        "node",
        "node-a",
        "--output=jsonpath={.status.allocatable.cpu} {.status.nodeInfo.kubeletVersion}",
    )
    assert node == "3920m v1.35.2-eks-x"
    pods = kubectl(
        "get", "pods", "--selector=app=web", "--output=jsonpath={.items[*].status.phase}"
    )
    assert pods == "Running Running"
    fetched = kubectl(
        "get",
        "pods",
        "--selector=app=web",
        "--output=jsonpath={.items[*].status.initContainerStatuses[*].state.terminated.reason}",
    )
    assert fetched == "Completed Completed"


def test_a_job_completes(kubectl: Kubectl) -> None:
    kubectl("wait", "job/once", "--for=condition=Complete", "--timeout=20s")


def test_what_a_cloud_would_expose_gets_an_address_that_leads_nowhere(kubectl: Kubectl) -> None:
    path = "{.status.loadBalancer.ingress[0].hostname}"
    kubectl("wait", "service/web", f"--for=jsonpath={path}", "--timeout=20s")
    address = kubectl("get", "service", "web", f"--output=jsonpath={path}")
    assert address == "web.default.sandbox.invalid"


def test_a_deleted_pod_stays_for_its_grace_period(kubectl: Kubectl) -> None:
    pod = kubectl("get", "pods", "--selector=app=web", "--output=name").split()[0]
    started = time.monotonic()
    kubectl("delete", pod, "--wait=false")
    kubectl("wait", pod, "--for=delete", "--timeout=20s")
    assert 3 <= time.monotonic() - started < 6


def test_pod_security_is_enforced(kubectl: Kubectl) -> None:
    kubectl("create", "namespace", "strict")
    kubectl("label", "namespace", "strict", "pod-security.kubernetes.io/enforce=restricted")
    with pytest.raises(subprocess.CalledProcessError) as error:
        kubectl("run", "root", "--image=root", "--namespace=strict")
    assert "violates PodSecurity" in error.value.stderr


@pytest.mark.parametrize("part", PARTS)
def test_a_killed_part_comes_back_with_its_port_and_the_clusters_data(
    control_plane: ControlPlane, processes: Processes, kubectl: Kubectl, part: str
) -> None:
    name, server = control_plane.name(part), control_plane.server
    before = processes.require_alive(name)
    os.kill(before.pid, signal.SIGKILL)
    while processes.running(name):
        time.sleep(0.01)
    control_plane.start()
    after = processes.require_alive(name)
    assert after.pid != before.pid
    assert (after.ports, control_plane.server) == (before.ports, server)
    assert "web" in kubectl("get", "deployment", "web")
    kubectl("scale", "deployment/web", f"--replicas={2 + PARTS.index(part) % 2}")
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")


def test_a_second_start_changes_nothing(control_plane: ControlPlane, processes: Processes) -> None:
    before = processes.recorded()
    control_plane.start()
    assert processes.recorded() == before


def test_everything_listens_on_the_loopback_only(
    control_plane: ControlPlane, processes: Processes
) -> None:
    addresses = {
        connection.laddr.ip
        for part in processes.recorded()
        for connection in psutil.Process(part.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}


def test_no_key_is_in_the_kubeconfig_or_on_a_command_line(
    control_plane: ControlPlane, processes: Processes
) -> None:
    texts = [control_plane.kubeconfig.read_text()]
    texts += [" ".join(psutil.Process(part.pid).cmdline()) for part in processes.recorded()]
    assert not [text for text in texts if "PRIVATE" in text or "key-data" in text]
    assert control_plane.kubeconfig.stat().st_mode & 0o077 == 0


def test_ending_everything_leaves_no_process_and_the_data_for_the_next_start(
    control_plane: ControlPlane, processes: Processes, kubectl: Kubectl
) -> None:
    processes.end_all()
    mark = str(processes.layout.state.resolve())
    assert not [p for p in psutil.process_iter() if _environment(p).get(MARKER) == mark]
    control_plane.start()
    assert "web" in kubectl("get", "deployment", "web")


def test_who_has_old_certificates_in_memory_is_ended_when_they_are_made_anew(
    control_plane: ControlPlane, processes: Processes
) -> None:
    watcher = control_plane.name("watcher")
    processes.start(watcher, ["sleep", "600"])
    folder = processes.layout.cluster("test") / "certificates"
    (folder / "ca.crt").unlink()

    control_plane.start()

    assert not processes.running(watcher)


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}
