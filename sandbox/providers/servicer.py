"""The engine's protocol in front of a `Provider`, and the process that serves it."""

from collections.abc import Generator, Sequence
from concurrent import futures
from contextlib import contextmanager
from typing import NoReturn

import grpc
from google.protobuf import empty_pb2

# Pulumi has a copy of its own, and only one of the two can be in a process.
from google.rpc import status_pb2  # pyright: ignore[reportMissingTypeStubs] - untyped
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from sandbox.engine_watch import end_with_engine
from sandbox.providers.differences import Difference, formatted
from sandbox.providers.plugin import Failure, NotInitialized, Provider, Refused, Request, Urn
from sandbox.providers.values import from_struct, to_struct

# ruff: noqa: N802, D102 - the protocol names its methods and what they are given

# A release of a whole chart is one message; the engine's own limit is the same.
_LARGEST_MESSAGE = ("grpc.max_receive_message_length", 400 << 20)


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """The engine's protocol on one side, a `Provider` on the other."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Take no secrets: the engine unwraps them and marks again what came of them."""
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=False)

    def Attach(
        self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def GetPluginInfo(
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=self._provider.version)

    def GetSchema(
        self, request: provider_pb2.GetSchemaRequest, context: grpc.ServicerContext
    ) -> NoReturn:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "this provider has no schema")

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        self._provider.cancelled.set()
        return empty_pb2.Empty()

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        with _faults(context):
            failures = self._provider.check_config(from_struct(request.news))
            return provider_pb2.CheckResponse(inputs=request.news, failures=_wire(failures))

    def DiffConfig(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        with _faults(context):
            return _diff_response(self._provider.diff_config(_diff_request(request)))

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        with _faults(context):
            self._provider.configure(from_struct(request.args))
            return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    def Check(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        with _faults(context):
            inputs, failures = self._provider.check(
                Urn(request.urn),
                from_struct(request.olds),
                from_struct(request.news),
                request.randomSeed,
            )
            return provider_pb2.CheckResponse(inputs=to_struct(inputs), failures=_wire(failures))

    def Diff(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        with _faults(context):
            return _diff_response(self._provider.diff(_diff_request(request)))

    def Create(
        self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CreateResponse:
        with _faults(context):
            resource_id, outputs = self._provider.create(
                Request(
                    urn=Urn(request.urn),
                    inputs=from_struct(request.properties),
                    preview=request.preview,
                    timeout=request.timeout,
                )
            )
            return provider_pb2.CreateResponse(id=resource_id, properties=to_struct(outputs))

    def Read(
        self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ReadResponse:
        with _faults(context):
            live = self._provider.read(
                Request(
                    urn=Urn(request.urn),
                    id=request.id,
                    inputs=from_struct(request.inputs),
                    old_outputs=from_struct(request.properties),
                    timeout=request.timeout,
                )
            )
            if live is None:
                return provider_pb2.ReadResponse()
            return provider_pb2.ReadResponse(
                id=live.id, inputs=to_struct(live.inputs), properties=to_struct(live.outputs)
            )

    def Update(
        self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.UpdateResponse:
        with _faults(context):
            outputs = self._provider.update(
                Request(
                    urn=Urn(request.urn),
                    id=request.id,
                    inputs=from_struct(request.news),
                    old_inputs=from_struct(request.old_inputs),
                    old_outputs=from_struct(request.olds),
                    ignore_changes=tuple(request.ignoreChanges),
                    preview=request.preview,
                    timeout=request.timeout,
                )
            )
            return provider_pb2.UpdateResponse(properties=to_struct(outputs))

    def Delete(
        self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        with _faults(context):
            self._provider.delete(
                Request(
                    urn=Urn(request.urn),
                    id=request.id,
                    inputs=from_struct(request.old_inputs),
                    old_outputs=from_struct(request.properties),
                    timeout=request.timeout,
                )
            )
            return empty_pb2.Empty()

    def Invoke(
        self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.InvokeResponse:
        with _faults(context):
            result = self._provider.invoke(
                request.tok, from_struct(request.args), preview=request.preview
            )
            response = provider_pb2.InvokeResponse()
            getattr(response, "return").CopyFrom(to_struct(result))
            return response


def serve(provider: Provider) -> NoReturn:
    """Answer the engine until it stops this process, or is gone itself."""
    watcher = end_with_engine()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=32), options=[_LARGEST_MESSAGE])
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(provider), server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    watcher.join()
    raise AssertionError  # the process has ended by then


@contextmanager
def _faults(context: grpc.ServicerContext) -> Generator[None]:
    try:
        yield
    except Refused as refused:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(refused))
    except NotInitialized as fault:
        status = status_pb2.Status(
            code=grpc.StatusCode.UNKNOWN.value[0],
            message=str(fault),
        )
        status.details.add().Pack(
            provider_pb2.ErrorResourceInitFailed(
                id=fault.resource_id,
                properties=to_struct(fault.outputs),
                reasons=[str(fault)],
            )
        )
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, str(fault))


def _wire(failures: Sequence[Failure]) -> list[provider_pb2.CheckFailure]:
    return [provider_pb2.CheckFailure(property=f.property, reason=f.reason) for f in failures]


def _diff_request(request: provider_pb2.DiffRequest) -> Request:
    return Request(
        urn=Urn(request.urn),
        id=request.id,
        inputs=from_struct(request.news),
        old_inputs=from_struct(request.old_inputs),
        old_outputs=from_struct(request.olds),
        ignore_changes=tuple(request.ignoreChanges),
    )


def _diff_response(difference: Difference) -> provider_pb2.DiffResponse:
    paths = {
        formatted(path): provider_pb2.PropertyDiff(
            kind=provider_pb2.PropertyDiff.Kind.Value(
                change.upper() + ("_REPLACE" if path in difference.replacing else "")
            ),
            inputDiff=True,
        )
        for path, change in difference.changes.items()
    }
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME
        if paths
        else provider_pb2.DiffResponse.DIFF_NONE,
        diffs=sorted({str(path[0]) for path in difference.changes}),
        replaces=sorted({str(path[0]) for path in difference.replacing}),
        detailedDiff=paths,
        hasDetailedDiff=True,
        deleteBeforeReplace=difference.delete_before_replace,
    )
