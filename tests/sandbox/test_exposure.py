"""A model behind a load balancer: exposed, held by a controller that does not run, destroyed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sandbox.errors import SandboxError
from sandbox.load_balancer_controller import FINALIZER
from sandbox.processes import Processes
from sandbox.providers.charts import LOAD_BALANCER_CONTROLLER
from tests.sandbox.conftest import MODEL, Environment, until

INGRESS = ("networking.k8s.io/v1", "Ingress")
# The 75 s that it has by default are what is waited for, and nothing else.
PATIENCE = 10


def ingresses(dev: Environment) -> list[str]:
    return [each["metadata"]["name"] for each in dev.api.list(*INGRESS)]


def said_of(text: str) -> str:
    """Return what was said on one line, whatever the width of the terminal."""
    return " ".join(text.split())


def scale(dev: Environment, replicas: int) -> None:
    """Have so many pods of the controller, and its program run or not."""
    where = ("apps/v1", "Deployment", LOAD_BALANCER_CONTROLLER)
    dev.api.patch(*where, {"spec": {"replicas": replicas}}, "kube-system")
    processes, name = Processes(dev.layout), f"{dev.stack}-{LOAD_BALANCER_CONTROLLER}"
    assert until(lambda: bool(processes.running(name)) is bool(replicas))


@contextmanager
def no_controller(dev: Environment, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have no controller for a while, and little patience."""
    monkeypatch.setenv("TFSERVING_SANDBOX_AWAIT_SECONDS", str(PATIENCE))
    scale(dev, 0)
    try:
        yield
    finally:
        scale(dev, 2)
        monkeypatch.delenv("TFSERVING_SANDBOX_AWAIT_SECONDS")


def test_an_exposed_model_has_the_address_of_its_load_balancer(dev):
    dev.edit({f"{MODEL}.expose": {}})
    dev.engine.deploy()

    outputs = dev.engine.outputs()["models"]["half-plus-two"]
    address = "http://half-plus-two.serving.sandbox.invalid"
    assert outputs["internal_url"] == f"{address}/v1/models/half-plus-two"
    assert outputs["public_url"] is None
    (ingress,) = dev.api.list(*INGRESS)
    assert ingress["metadata"]["finalizers"] == [FINALIZER]
    dev.engine.pulumi("preview", "--expect-no-changes", quiet=True)
    dev.engine.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes", quiet=True)


def test_a_load_balancer_that_nobody_takes_away_ends_the_deployment_in_a_sentence(
    dev, capfd, monkeypatch
):
    started = time.monotonic()
    dev.edit({f"{MODEL}.expose": None})
    with no_controller(dev, monkeypatch):
        with pytest.raises(SandboxError):
            dev.engine.deploy()
        assert ingresses(dev) == ["half-plus-two"]

    said = said_of("".join(capfd.readouterr()))
    assert (
        f"Ingress serving/half-plus-two still exists {PATIENCE} s after its deletion was asked "
        f"for; its finalizers: {FINALIZER}; the controller of its class takes them off"
    ) in said
    assert "Traceback" not in said
    assert time.monotonic() - started < 60 + PATIENCE


def test_with_its_controller_back_it_is_taken_away(dev):
    dev.engine.deploy()

    assert ingresses(dev) == []


def test_a_load_balancer_that_nobody_makes_ends_the_deployment_in_a_sentence(
    dev, capfd, monkeypatch
):
    dev.edit({f"{MODEL}.expose": {}})
    with no_controller(dev, monkeypatch), pytest.raises(SandboxError):
        dev.engine.deploy()

    said = said_of("".join(capfd.readouterr()))
    assert "does the controller of its class, alb, run?" in said
    dev.engine.deploy()
    assert ingresses(dev) == ["half-plus-two"]


def test_destroyed_the_load_balancer_goes_before_the_controller_that_takes_it_away(dev):
    log = Processes(dev.layout).log(f"{dev.stack}-{LOAD_BALANCER_CONTROLLER}")
    before = log.read_text().count("is gone")

    dev.engine.pulumi("destroy", "--yes", "--skip-preview")

    assert ingresses(dev) == []
    assert dev.api.list("networking.k8s.io/v1", "IngressClass") == []
    assert log.read_text().count("is gone") == before + 1
