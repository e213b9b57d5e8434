"""The metrics API's process: what the HPA reads of the models' pods, made from offered load.

The API server asks it, as it would ask metrics-server on a real cluster, where kubelets measure.
"""

import argparse
import logging
import ssl
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.serving import make_server

from sandbox.control_plane.certificates import Certificates
from sandbox.kubernetes_api import ApiError, KubernetesApi, Object, UnreachableError
from sandbox.layout import Layout
from sandbox.load import MODELS, Load, usage
from sandbox.load.metrics import GROUP_VERSION, NAME, certificates_of

_PODS = f"/apis/{GROUP_VERSION}/namespaces/<namespace>/pods"
_AGE_SECONDS = 1.0
"""How old a look at all pods may be: with many models, many autoscalers ask at once."""


class Metrics:
    """What each model's pod uses now."""

    def __init__(self, api: KubernetesApi, load: Load) -> None:
        self._api = api
        self._load = load
        self._lock = threading.Lock()
        self._looked = -_AGE_SECONDS
        self._usage: Mapping[str, float] = {}

    def of(self, namespace: str, selector: str) -> list[dict[str, Any]]:
        """Return the PodMetrics of a namespace's pods that a label selector selects."""
        pods = self._api.list("v1", "Pod", namespace, label_selector=selector)
        used = self._used()
        return [
            _pod_metrics(pod, used[pod["metadata"]["uid"]])
            for pod in pods
            if pod["metadata"]["uid"] in used and pod["status"].get("phase") == "Running"
        ]

    def _used(self) -> Mapping[str, float]:
        with self._lock:
            if time.monotonic() - self._looked >= _AGE_SECONDS:
                pods = self._api.list("v1", "Pod", label_selector=MODELS)
                self._usage = usage(pods, self._load.offered())
                self._looked = time.monotonic()
            return self._usage


def _pod_metrics(pod: Object, cores: float) -> dict[str, Any]:
    # The server's container is all that uses any. Without the one millicore of an idle pod, the
    # autoscaler takes it for one that is not measured.
    cpu = f"{max(ceil(cores * 1000), 1)}m"
    metadata = {key: pod["metadata"][key] for key in ("name", "namespace", "labels")}
    return {
        "kind": "PodMetrics",
        "apiVersion": GROUP_VERSION,
        "metadata": metadata,
        "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "window": "1s",
        "containers": [{"name": pod["spec"]["containers"][0]["name"], "usage": {"cpu": cpu}}],
    }


def application(metrics: Metrics) -> Flask:
    """Return the metrics API: as much of it as an autoscaler and `kubectl top pods` ask for."""
    app = Flask(__name__)

    @app.get(f"/apis/{GROUP_VERSION}")
    def discovery() -> Response:
        pods = {"name": "pods", "singularName": "pod", "kind": "PodMetrics", "namespaced": True}
        return jsonify(
            kind="APIResourceList",
            apiVersion="v1",
            groupVersion=GROUP_VERSION,
            resources=[pods | {"verbs": ["get", "list"]}],
        )

    @app.get(f"/apis/{GROUP_VERSION}/pods", defaults={"namespace": ""})
    @app.get(_PODS)
    def listed(namespace: str) -> Response:
        found = metrics.of(namespace, request.args.get("labelSelector", ""))
        return jsonify(kind="PodMetricsList", apiVersion=GROUP_VERSION, metadata={}, items=found)

    app.register_error_handler(ApiError, _unavailable)
    app.register_error_handler(UnreachableError, _unavailable)
    return app


def _unavailable(error: Exception) -> tuple[str, int]:
    return str(error), 503


def main() -> None:
    """Serve one stack's metrics to who has a certificate of its control plane."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else it logs each request
    layout = Layout(given.root)
    api = KubernetesApi.from_kubeconfig(layout.kubeconfig(given.stack))
    own = Certificates(certificates_of(layout, given.stack))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.certificate(NAME), own.key(NAME))
    context.load_verify_locations(Certificates(own.folder.parent).authority)
    context.verify_mode = ssl.CERT_REQUIRED
    app = application(Metrics(api, Load(layout, given.stack)))
    server = make_server("127.0.0.1", given.port, app, threaded=True)
    # The handshake is left to each connection's thread: a silent client must not block the others.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    server.ssl_context = context
    server.serve_forever()


if __name__ == "__main__":
    main()
