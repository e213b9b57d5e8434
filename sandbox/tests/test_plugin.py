"""Plugin: the protocol that the engine speaks, over a real channel to a real process."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import psutil
import pytest
from google.rpc import status_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from sandbox.providers.plugin import Urn
from sandbox.providers.values import from_struct, secret, to_struct

PROVIDER = """
from sandbox.providers.plugin import *
from sandbox.providers.servicer import serve

class Example(Provider):
    version = "1.2.3"

    def check(self, urn, olds, news, seed):
        return {**news, "seed": seed.hex()}, [Failure("size", f"{urn.name} is too large")]

    def diff(self, request):
        return Difference.between(request.old_inputs, request.inputs, immutable=["size"])

    def create(self, request):
        if request.preview:
            raise Refused("size must be at most 3, not 4")
        raise NotInitialized("it does not start", "example-1", {"size": request.inputs["size"]})

    def read(self, request):
        return None

serve(Example())
"""
ENGINE = """
import subprocess, sys
plugin = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
plugin.stdout.readline()
print(plugin.pid)
"""
URN = "urn:pulumi:dev::tfserving::parent:index:Parent$aws:ec2/vpc:Vpc::a::b"


@contextmanager
def a_plugin() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", PROVIDER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


@pytest.fixture(scope="module")
def engine() -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    with a_plugin() as process:
        port = process.stdout.readline().strip()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield provider_pb2_grpc.ResourceProviderStub(channel)


def test_a_urn_tells_its_parts():
    urn = Urn(URN)

    assert (urn.stack, urn.project, urn.type, urn.name) == (
        "dev",
        "tfserving",
        "aws:ec2/vpc:Vpc",
        "a::b",
    )


def test_it_takes_no_secrets_so_that_the_engine_marks_them(engine):
    assert not engine.Handshake(provider_pb2.ProviderHandshakeRequest()).accept_secrets
    assert not engine.Configure(provider_pb2.ConfigureRequest()).acceptSecrets


def test_failures_name_their_property(engine):
    request = provider_pb2.CheckRequest(
        urn=URN, news=to_struct({"size": secret(4)}), randomSeed=b"\1"
    )

    answer = engine.Check(request)

    assert from_struct(answer.inputs) == {"size": 4, "seed": "01"}
    assert [(f.property, f.reason) for f in answer.failures] == [("size", "a::b is too large")]


def test_a_replacing_change_is_told_by_path(engine):
    request = provider_pb2.DiffRequest(
        urn=URN, old_inputs=to_struct({"size": 1}), news=to_struct({"size": 2, "tags": {"a": "b"}})
    )

    answer = engine.Diff(request)

    assert (list(answer.diffs), list(answer.replaces)) == (["size", "tags"], ["size"])
    assert {path: diff.kind for path, diff in answer.detailedDiff.items()} == {
        "size": provider_pb2.PropertyDiff.UPDATE_REPLACE,
        "tags": provider_pb2.PropertyDiff.ADD,
    }


def test_a_refusal_is_shown_as_it_is(engine):
    with pytest.raises(grpc.RpcError) as refusal:
        engine.Create(provider_pb2.CreateRequest(urn=URN, preview=True))

    assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert refusal.value.details() == "size must be at most 3, not 4"


def test_what_exists_but_does_not_start_is_recorded(engine):
    with pytest.raises(grpc.RpcError) as refusal:
        engine.Create(provider_pb2.CreateRequest(urn=URN, properties=to_struct({"size": 1})))

    metadata = dict(refusal.value.trailing_metadata())
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    assert (detail.id, from_struct(detail.properties)) == ("example-1", {"size": 1})
    assert list(detail.reasons) == ["it does not start"]


def test_what_is_gone_has_no_id(engine):
    assert engine.Read(provider_pb2.ReadRequest(urn=URN, id="x")).id == ""


def test_what_nobody_wrote_is_refused_by_name(engine):
    with pytest.raises(grpc.RpcError) as refusal:
        engine.Invoke(provider_pb2.InvokeRequest(tok="aws:index/getAmi:getAmi"))

    assert "aws:index/getAmi:getAmi is not known" in refusal.value.details()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_quietly_when_it_is_told_to(number):
    with a_plugin() as process:
        process.stdout.readline()
        process.send_signal(number)

        assert process.wait(10) == 0
        assert process.stderr.read() == ""


def test_it_ends_when_the_engine_is_gone():
    engine = subprocess.run(
        [sys.executable, "-c", ENGINE, PROVIDER], capture_output=True, text=True, check=True
    )
    plugin = int(engine.stdout)

    deadline = time.monotonic() + 10
    while psutil.pid_exists(plugin) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not psutil.pid_exists(plugin)
