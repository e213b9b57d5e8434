"""A platform that another stack built, known by its outputs: this stack has models only."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pulumi
import pulumi_kubernetes as k8s

from components.kubernetes.exposure import ExposureSpec
from components.spec import Fault
from planning.capacity import Resources
from planning.drain import Notice
from planning.placement import Pool
from settings import ModelSettings, SharedSettings
from settings.exposure import lacks_of_gke
from settings.faults import fault_line
from settings.placement import SoundPools, placement_faults
from settings.servers import EVERYWHERE, as_planned, requested
from stacks import contract
from stacks.alb_entrance import AlbEntrance
from stacks.gcs_models import GcsModels
from stacks.gke_entrance import GkeEntrance
from stacks.gke_monitoring import ManagedPrometheus
from stacks.outputs import LoadBalancers, NodePool, PlatformOutputs, Quantities, StackOutputs
from stacks.platform import Entrance, ModelStore, Platform
from stacks.s3_models import S3Models

_PLATFORM, _MODELS = "tfserving:platform", "tfserving:models"


async def deploy(settings: SharedSettings, models: Mapping[str, ModelSettings]) -> Platform:
    """Return what serving needs of that platform.

    Raises:
        pulumi.RunError: that stack's outputs cannot be read, or it has no place for the models.
    """
    outputs = await contract.read(settings.stack)
    platform = outputs.platform
    pools = planned_pools(platform)
    if faults := [
        *_faults(settings, models, outputs),
        *_capacity_faults(models, pools, platform.notice),
    ]:
        title = f"stack {pulumi.get_stack()} cannot be served on stack {settings.stack}:"
        raise pulumi.RunError("\n  ".join([title, *faults]))
    return Platform(
        description=replace(platform, kind=settings.kind),
        kubeconfig=pulumi.Output.from_input(outputs.kubeconfig),
        kubernetes=k8s.Provider(
            "kubernetes",
            kubeconfig=outputs.kubeconfig,
            # Without it another kubeconfig would replace everything that is in the cluster.
            cluster_identifier=platform.cluster_name,
            enable_server_side_apply=True,
        ),
        models=_models(outputs),
        capacity=[],
        notice=platform.notice,
        pools=pools,
        entrance=platform.entrance and _entrance(platform.entrance, platform.region),
        monitoring=ManagedPrometheus() if platform.managed_prometheus else None,
        egress=platform.egress,
    )


def _models(outputs: StackOutputs) -> ModelStore:
    platform, uri = outputs.platform, str(outputs.model_bucket)
    bucket = uri.rpartition("://")[2]
    # No two stacks own the same file, whatever they call their models.
    folder = f"shared/{pulumi.get_project()}/{pulumi.get_stack()}/"
    if project := platform.project:
        return GcsModels(
            bucket_name=bucket, project=project.id, project_number=project.number, folder=folder
        )
    return S3Models(
        bucket_name=bucket,
        arn=f"arn:aws:s3:::{bucket}",
        cluster_name=platform.cluster_name,
        region=platform.region,
        tags={"project": pulumi.get_project(), "stack": pulumi.get_stack()},
        folder=folder,
    )


def _entrance(place: LoadBalancers, region: str) -> Entrance:
    return (
        GkeEntrance(place=place, region=region) if place.kind == "gke" else AlbEntrance(place=place)
    )


def _faults(
    settings: SharedSettings, models: Mapping[str, ModelSettings], outputs: StackOutputs
) -> Iterator[str]:
    platform, stack = outputs.platform, settings.stack
    if platform.kind == "shared":
        limit = f"must be the stack that built the platform, which {stack} shares too"
        yield fault_line(f"{_PLATFORM}.stack", limit, stack)
    if platform.project is None and platform.region != settings.region:
        limit = f"must be the region of {stack}, {platform.region}"
        yield fault_line("aws:region", limit, settings.region)
    if platform.project is not None and platform.project.id != settings.project:
        limit = f"must be the project of {stack}, {platform.project.id}"
        yield fault_line("gcp:project", limit, settings.project)
    taken = {each.namespace for each in outputs.models.values()}
    served = {(each.namespace, name) for name, each in outputs.models.items()}
    for name, model in models.items():
        key = f"{_MODELS}.{name}"
        if model.namespace in taken:
            limit = f"must be a namespace of this stack's own: {stack} has {_listed(taken)}"
            if (model.namespace, name) in served:
                limit += f", and serves a {name} there"
            yield fault_line(f"{key}.namespace", limit, model.namespace)
        if model.expose is not None:
            yield from _entrance_faults(f"{key}.expose", model.expose, platform.entrance, stack)


def _entrance_faults(
    key: str, spec: ExposureSpec, place: LoadBalancers | None, stack: str
) -> Iterator[str]:
    if place is None or (place.kind == "alb" and not place.cidrs):
        limit = f"must be left out: {stack} has no controller of load balancers, or does not say "
        yield fault_line(key, f"{limit}where they are")
    elif place.kind == "gke":
        network = {"cidr": place.cidrs or None, "proxy_cidr": place.proxy_cidr}
        for fault in lacks_of_gke(spec, network, f"{stack}'s {_PLATFORM}"):
            yield fault_line(".".join(map(str, (key, *fault.path))), fault.rule, fault.given)


def _capacity_faults(
    models: Mapping[str, ModelSettings], pools: Mapping[str, Pool], notice: Notice
) -> Iterator[str]:
    found = placement_faults(models, SoundPools(every=pools, sized=pools, faults=(), notice=notice))
    if pulumi.runtime.is_dry_run():  # the deployment after a preview runs this again
        for fault in found.warnings:
            pulumi.warn(_line(fault))
    yield from map(_line, found.models)


def _line(fault: Fault) -> str:
    return fault_line(".".join(map(str, (_MODELS, *fault.path))), fault.rule, fault.given)


def planned_pools(platform: PlatformOutputs) -> Mapping[str, Pool]:
    """Return the pools of a platform, fallbacks among them, as planning sees them."""
    pools: dict[str, Pool] = {}
    for name, pool in platform.pools.items():
        pools[name] = _planned(pool, pool.labels, pool.maximum, platform.daemon_sets)
        if fallback := pool.fallback:
            pools[f"{name} (fallback)"] = replace(
                _planned(pool, fallback.labels, fallback.maximum, platform.daemon_sets),
                is_spot=False,
            )
    return pools


def _planned(pool: NodePool, labels: Mapping[str, str], nodes: int, agents: Quantities) -> Pool:
    return Pool(
        nodes=nodes,
        room=_resources(pool.node_capacity).without(_resources(agents)),
        labels={**EVERYWHERE, **labels},
        taints=as_planned(pool.taints),
        vcpus=pool.vcpus,
        is_spot=pool.kind == "spot",
    )


def _resources(given: Quantities) -> Resources:
    return requested(given, int(given.pods))


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))
