"""Tell an application where each model of a tfserving stack is served, by a ConfigMap."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

_CONTRACT = 1

config = pulumi.Config()
serving = pulumi.StackReference(config.require("serving"))


def _urls(found: Sequence[Any]) -> Mapping[str, str]:
    version, models = found
    if version != _CONTRACT:
        name = config.require("serving")
        raise pulumi.RunError(
            f"{name} does not keep contract {_CONTRACT}, which this program reads"
        )
    return {f"{name}.url": f"{model['rest_url']}:predict" for name, model in models.items()}


kubernetes = k8s.Provider(
    "kubernetes",
    kubeconfig=serving.require_output("kubeconfig"),
    # Without it another kubeconfig would replace everything that is in the cluster.
    cluster_identifier=serving.require_output("platform")["cluster_name"],
    enable_server_side_apply=True,
)
models = k8s.core.v1.ConfigMap(
    "models",
    metadata={"name": "models", "namespace": config.get("namespace") or "default"},
    # Of an output that is not there, get_output makes None: the version is asked first.
    data=pulumi.Output.all(
        serving.get_output("contract_version"), serving.get_output("models")
    ).apply(_urls),
    opts=pulumi.ResourceOptions(provider=kubernetes),
)
pulumi.export("urls", models.data)
