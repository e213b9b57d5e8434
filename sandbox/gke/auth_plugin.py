"""The stand-in for gke-gcloud-auth-plugin, which logs kubectl and Pulumi in to a cluster of GKE.

The real one hands out a token of the user's Google account; this one the client certificate of the
clone's stack that has the API server which is asked for.
https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import yaml

from sandbox.layout import Layout

COMMAND = "gke-gcloud-auth-plugin"
"""What kubeconfigs call it."""

EXEC_INFO = "KUBERNETES_EXEC_INFO"
"""The variable in which a client says which server it is for."""

API_VERSION = "client.authentication.k8s.io/v1beta1"
"""The version of ExecCredential that the real one speaks."""


def credential(layout: Layout, server: str) -> dict[str, Any] | None:
    """Return the ExecCredential for an API server; None if no stack of the clone has it."""
    for kubeconfig in sorted(layout.clusters.glob("*/kubeconfig")):
        config = yaml.safe_load(kubeconfig.read_text())
        if config["clusters"][0]["cluster"]["server"] == server.rstrip("/"):
            user = config["users"][0]["user"]
            status = {
                "clientCertificateData": Path(user["client-certificate"]).read_text(),
                "clientKeyData": Path(user["client-key"]).read_text(),
            }
            return {"apiVersion": API_VERSION, "kind": "ExecCredential", "status": status}
    return None


def main() -> None:
    """Print the credential for the server that the client names."""
    info = json.loads(os.environ.get(EXEC_INFO) or "{}")
    server = info.get("spec", {}).get("cluster", {}).get("server")
    if not server:
        sys.exit(
            f"{COMMAND} (sandbox): {EXEC_INFO} names no cluster; "
            "the kubeconfig's user needs `provideClusterInfo: true`"
        )
    found = credential(Layout.of_this_process(), server)
    if found is None:
        sys.exit(f"{COMMAND} (sandbox): no stack of this clone has the API server {server}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
