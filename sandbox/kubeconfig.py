"""Kubeconfigs, as client-go reads them: a server, whom to trust for it, and who one is."""

import base64
import json
import os
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from sandbox.errors import SandboxError
from sandbox.layout import Layout

_PLUGIN_SECONDS = 30.0
# What a credential plugin is told of a cluster, and what of a user it gives, as text.
_TOLD = ("server", "tls-server-name", "certificate-authority-data")
_GIVEN: Mapping[str, str] = {
    "client-certificate-data": "clientCertificateData",
    "client-key-data": "clientKeyData",
}
_FAULTS = (
    OSError,
    KeyError,
    TypeError,
    ValueError,
    subprocess.SubprocessError,
    yaml.YAMLError,
)

_Entry = dict[str, Any]


class Connection(NamedTuple):
    """What a kubeconfig's current context leads to."""

    server: str
    tls: ssl.SSLContext
    headers: Mapping[str, str]


def read(kubeconfig: str | Path) -> Connection:
    """Read a kubeconfig, given as its text or its path.

    Raises:
        SandboxError: it is none, or its user has no client certificate and no token, nor a plugin
            that gives one of them.
    """
    text = str(kubeconfig)
    is_path = "\n" not in text and not text.startswith("{")
    try:
        config = yaml.safe_load(Path(text).read_text() if is_path else text)
        context = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config["users"], context["user"])["user"]
        if "exec" in user:
            user = _asked(user["exec"], cluster)
        tls = _trust(cluster)
        return Connection(cluster["server"], tls, _login(user, tls))
    except _FAULTS as error:
        where = text if is_path else "given as text"
        raise SandboxError(f"kubeconfig {where}: it cannot be used, {error!r}") from error


def _named(entries: list[_Entry], name: str) -> _Entry:
    return next(entry for entry in entries if entry["name"] == name)


def _content(section: _Entry, key: str) -> bytes | None:
    if encoded := section.get(f"{key}-data"):
        return base64.b64decode(encoded)
    return Path(section[key]).read_bytes() if section.get(key) else None


def _trust(cluster: _Entry) -> ssl.SSLContext:
    """Trust a cluster's authority; where none is given, those of the clone's control planes."""
    if authority := _content(cluster, "certificate-authority"):
        return ssl.create_default_context(cadata=authority.decode())
    own = Layout.of_this_process().authorities
    return ssl.create_default_context(cafile=own if own.exists() else None)


def _asked(plugin: _Entry, cluster: _Entry) -> _Entry:
    """Return the user that a credential plugin gives, asked as client-go asks it."""
    spec: _Entry = {"interactive": False}
    if plugin.get("provideClusterInfo"):
        spec["cluster"] = {key: cluster[key] for key in _TOLD if key in cluster}
    info = {"apiVersion": plugin["apiVersion"], "kind": "ExecCredential", "spec": spec}
    variables: list[Mapping[str, str]] = plugin.get("env") or []
    own = {each["name"]: each["value"] for each in variables}
    command, *arguments = [str(plugin["command"]), *map(str, plugin.get("args") or [])]
    path = os.pathsep.join((str(Layout.of_this_process().bin), os.environ.get("PATH", "")))
    found = shutil.which(command, path=path)
    if found is None:
        raise ValueError(f"{command} is no command that can be found")
    ran = subprocess.run(
        [found, *arguments],
        env={**os.environ, **own, "KUBERNETES_EXEC_INFO": json.dumps(info)},
        capture_output=True,
        text=True,
        check=False,
        timeout=_PLUGIN_SECONDS,
    )
    if ran.returncode:
        raise ValueError(f"{command}: {ran.stderr.strip()}")
    status: _Entry = json.loads(ran.stdout)["status"]
    encoded = {
        key: base64.b64encode(status[given].encode()).decode()
        for key, given in _GIVEN.items()
        if given in status
    }
    return {**encoded, "token": status.get("token")}


def _login(user: _Entry, tls: ssl.SSLContext) -> dict[str, str]:
    certificate, key = _content(user, "client-certificate"), _content(user, "client-key")
    if certificate and key:
        # OpenSSL reads certificates from files only; these are gone before anybody is told.
        descriptor, name = tempfile.mkstemp()
        try:
            os.write(descriptor, certificate + b"\n" + key)
            tls.load_cert_chain(name)
        finally:
            os.close(descriptor)
            Path(name).unlink()
        return {}
    if token := user.get("token"):
        return {"Authorization": f"Bearer {token}"}
    raise KeyError("client-certificate and client-key, or token")
