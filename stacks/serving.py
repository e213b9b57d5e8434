"""Models on a platform: their files, the right to read them, and what serves them."""

from collections.abc import Iterator, Mapping

import pulumi
import pulumi_kubernetes as k8s

from components.kubernetes.model_fetch import model_key
from components.kubernetes.tensorflow_serving import TensorFlowServing, TensorFlowServingArgs
from components.names import LONGEST_NAME, shortened
from settings import ModelSettings
from stacks.outputs import ServedModel
from stacks.platform import ModelStore, Platform


def deploy(platform: Platform, models: Mapping[str, ModelSettings]) -> Mapping[str, ServedModel]:
    """Declare what serves each model and return where it is to be had."""
    namespaces = {
        namespace: k8s.core.v1.Namespace(
            namespace,
            metadata={"name": namespace},
            opts=pulumi.ResourceOptions(provider=platform.kubernetes),
        )
        for namespace in sorted({model.namespace for model in models.values()})
    }
    return {
        name: _serve(platform, name, model, namespaces[model.namespace])
        for name, model in models.items()
    }


def _serve(
    platform: Platform, name: str, model: ModelSettings, namespace: k8s.core.v1.Namespace
) -> ServedModel:
    permission = platform.models.allow(
        shortened(f"{name}-reader", LONGEST_NAME),
        namespace=model.namespace,
        service_account=name,
        prefix=f"models/{name}",
    )
    files = model.files
    serving = TensorFlowServing(
        name,
        TensorFlowServingArgs(
            spec=model,
            remote=platform.models.remote,
            manifest_digest=files and files.manifest_digest,
        ),
        pulumi.ResourceOptions(
            provider=platform.kubernetes,
            # A pod that starts before it may read its files, or before they are there, fails.
            depends_on=[
                namespace,
                permission,
                *platform.capacity,
                *_upload(platform.models, name, model),
            ],
        ),
    )
    return ServedModel(
        version=model.version, rest_url=serving.rest_url, grpc_address=serving.grpc_address
    )


def _upload(store: ModelStore, name: str, model: ModelSettings) -> Iterator[pulumi.Resource]:
    if (files := model.files) is None:
        return
    key = model_key(name, model.version)
    for file, digest in files.digests.items():
        yield store.upload(f"{key}/{file}", f"{key}/{file}", f"{files.folder}/{file}", digest)
