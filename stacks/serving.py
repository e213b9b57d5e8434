"""Models on a platform: their files, the right to read them, what serves and what exposes them."""

from collections.abc import Iterator, Mapping

import pulumi

from components.kubernetes.exposure import Addresses, Backend
from components.kubernetes.pod import availability_path, model_path
from components.kubernetes.serving_namespace import ServingNamespaceSpec
from components.kubernetes.tensorflow_serving import (
    TensorFlowServing,
    TensorFlowServingArgs,
    serving_labels,
)
from components.names import LONGEST_NAME, shortened
from planning.drain import Drain
from settings import ModelSettings
from settings.model_sources import ModelFiles
from settings.servers import model_drain, model_lifecycle
from stacks import namespaces
from stacks.namespaces import Namespaces
from stacks.outputs import ServedModel
from stacks.platform import ModelStore, Platform


def deploy(
    platform: Platform,
    models: Mapping[str, ModelSettings],
    specs: Mapping[str, ServingNamespaceSpec],
) -> Mapping[str, ServedModel]:
    """Declare what serves each model and return where it is to be had."""
    if not models:
        return {}
    made = namespaces.deploy(platform, models, specs)
    return {name: _serve(platform, name, model, made) for name, model in models.items()}


def _serve(platform: Platform, name: str, model: ModelSettings, made: Namespaces) -> ServedModel:
    permission = platform.models.allow(
        shortened(f"{name}-reader", LONGEST_NAME),
        namespace=model.namespace,
        service_account=name,
        prefixes=[each.folder(served) for served, each in model.served(name).items()],
    )
    files = model.all_files(name)
    drain = model_drain(model, platform.notice, platform.pools.values())
    lifecycle = model_lifecycle(model, platform.pools.values())
    around = made.surround(name, model, lifecycle=lifecycle)
    serving = TensorFlowServing(
        name,
        TensorFlowServingArgs(
            spec=model,
            remote=platform.models.remote,
            drain=drain,
            manifest_digests=[each.manifest_digest for each in files.values()],
            priority_class=around.priority_class,
            lifecycle=lifecycle,
            registries=platform.description.registries,
        ),
        pulumi.ResourceOptions(
            provider=platform.kubernetes,
            # A pod that starts before it may read its files, or before they are there, fails.
            depends_on=[
                *around.ready,
                permission,
                *platform.capacity,
                *_upload(platform.models, files),
            ],
        ),
    )
    addresses = _expose(platform, name, model, serving, drain)
    path = model_path(name, model)
    if platform.monitoring is not None:
        opts = pulumi.ResourceOptions(provider=platform.kubernetes, depends_on=around.ready)
        platform.monitoring.watch(name, model.namespace, serving_labels(name), opts)
    url = addresses and pulumi.Output.format("{0}{1}", addresses.rest_url, path)
    public = model.expose is not None and model.expose.scope == "public"
    return ServedModel(
        version=model.version,
        namespace=model.namespace,
        rest_url=serving.rest_url,
        grpc_address=serving.grpc_address,
        public_url=url if public else None,
        internal_url=None if public else url,
        load_balanced_grpc_address=addresses and addresses.grpc_address,
    )


def _expose(
    platform: Platform,
    name: str,
    model: ModelSettings,
    serving: TensorFlowServing,
    drain: Drain,
) -> Addresses | None:
    if model.expose is None or platform.entrance is None:
        return None
    backend = Backend(
        namespace=model.namespace,
        service=serving.service_name,
        models=[*model.served(name)],
        health_path=availability_path(name, model),
        deregistration_seconds=drain.deregistration_seconds,
        selector=serving_labels(name),
    )
    # An Ingress without pods behind it has no address either.
    opts = pulumi.ResourceOptions(provider=platform.kubernetes, depends_on=[serving])
    return platform.entrance.expose(name, model.expose, backend, opts)


def _upload(store: ModelStore, files: Mapping[str, ModelFiles]) -> Iterator[pulumi.Resource]:
    for key, each in files.items():
        for file, digest in each.digests.items():
            yield store.upload(f"{key}/{file}", f"{key}/{file}", f"{each.folder}/{file}", digest)
