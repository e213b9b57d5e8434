"""The Python language host: how the engine runs the program, on the interpreter that runs this.

The official distribution has one of its own; this one is for the engine that the sandbox builds,
which comes without. The engine starts it with its own address as the last argument and reads the
port from its first line. Protocol: pulumi/proto/pulumi/language.proto.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from sandbox.engine_watch import end_with_engine

# ruff: noqa: N802, ARG002, D102 - the protocol names its methods and what they are given

_BAILED = 32
"""Exit status of a program that has told its user what is wrong."""

_LARGEST_MESSAGE = 400 << 20


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs programs and policy packs with the interpreter that has their packages."""

    def __init__(self, engine: str, executor: Path) -> None:
        self._engine = engine
        self._executor = executor

    def Handshake(
        self, request: language_pb2.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version="3.259.0")

    def GetRequiredPackages(
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        # The sandbox has put its providers in place already; none is to be downloaded.
        return language_pb2.GetRequiredPackagesResponse()

    def GetRequiredPlugins(
        self, request: language_pb2.GetRequiredPluginsRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPluginsResponse:
        return language_pb2.GetRequiredPluginsResponse()

    def InstallDependencies(
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        return iter(())

    def About(
        self, request: language_pb2.AboutRequest, context: grpc.ServicerContext
    ) -> language_pb2.AboutResponse:
        return language_pb2.AboutResponse(executable=sys.executable, version=sys.version.split()[0])

    def GetProgramDependencies(
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        return language_pb2.GetProgramDependenciesResponse()

    def RuntimeOptionsPrompts(
        self, request: language_pb2.RuntimeOptionsRequest, context: grpc.ServicerContext
    ) -> language_pb2.RuntimeOptionsResponse:
        return language_pb2.RuntimeOptionsResponse()

    def Run(
        self, request: language_pb2.RunRequest, context: grpc.ServicerContext
    ) -> language_pb2.RunResponse:
        arguments = {
            "monitor": request.monitor_address,
            "engine": self._engine,
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization,
            "pwd": request.pwd,
            "root_directory": request.info.root_directory,
            "dry_run": str(request.dryRun).lower(),
            "parallel": str(request.parallel),
        }
        flags = [part for name, value in arguments.items() for part in (f"--{name}", value)]
        config = {
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        done = subprocess.run(
            [sys.executable, "-u", self._executor, *flags, request.info.program_directory],
            cwd=request.pwd,
            env={**os.environ, **config},
            check=False,
        )
        if done.returncode in (0, _BAILED):
            return language_pb2.RunResponse(bail=done.returncode == _BAILED)
        return language_pb2.RunResponse(error=f"the program ended with status {done.returncode}")

    def RunPlugin(
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        plugin = subprocess.Popen(
            [sys.executable, "-u", request.info.program_directory, *request.args],
            cwd=request.pwd,
            env=dict(pair.split("=", 1) for pair in request.env) or None,
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
        )
        context.add_callback(plugin.terminate)
        for line in plugin.stdout or ():
            yield language_pb2.RunPluginResponse(stdout=line)
        yield language_pb2.RunPluginResponse(exitcode=plugin.wait())


def main() -> None:
    """Serve until the engine stops this process."""
    watcher = end_with_engine()
    executor = Path(sys.argv[1])
    (engine,) = [part for part in sys.argv[2:] if not part.startswith("-")][-1:]
    sizes = [(f"grpc.max_{way}_message_length", _LARGEST_MESSAGE) for way in ("receive", "send")]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), options=sizes)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(engine, executor), server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    watcher.join()


if __name__ == "__main__":
    main()
