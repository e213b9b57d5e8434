"""The section `tfserving:namespaces`: who may call the models of a namespace, and its quota."""

from collections.abc import Iterator, Mapping

from components.kubernetes.quantities import parse_quantity
from components.kubernetes.serving_namespace import QuotaSpec, ServingNamespaceSpec
from components.kubernetes.tensorflow_serving import SURGE_PERCENT
from components.spec import Fault
from planning.capacity import Resources
from planning.quota import largest_demands
from settings.given import mapping
from settings.models import ModelSettings, sound_models
from settings.servers import model_pods

_MIB = 1024**2


def namespace_faults(namespaces: object, models: object) -> Iterator[Fault]:
    """Find namespaces that no model is in, and quotas that their models may come to exceed.

    It is asked of whichever fields are sound, so that these faults are told with all others.
    """
    specs = sound_models(models)
    # The default is no word for one that is wrong in itself.
    known = {name: spec.namespace for name, spec in specs.items() if "namespace" in vars(spec)}
    for namespace, given in mapping(namespaces).items():
        within = {name: specs[name] for name, its in known.items() if its == namespace}
        if within:
            spec = ServingNamespaceSpec.of_sound_fields(mapping(given))
            yield from (fault.below(namespace, "quota") for fault in _quota_faults(spec, within))
        elif len(known) == len(specs):
            yield Fault((namespace,), "must be the namespace of a model", given)


def _quota_faults(
    namespace: ServingNamespaceSpec, models: Mapping[str, ModelSettings]
) -> Iterator[Fault]:
    kinds = {name: pods for name, each in models.items() if (pods := model_pods(each))}
    if namespace.quota is None or len(kinds) < len(models):
        return
    has, asked = _has(namespace.quota), largest_demands(kinds, SURGE_PERCENT)
    shortages = zip(("cpu", "memory", "pods"), has, asked, ("m", "Mi", ""), strict=True)
    for key, amount, demand, unit in shortages:
        if amount < demand.amount:
            limit = f"must be at least {demand.amount}{unit}, for its models may ask for that: "
            yield Fault((key,), limit + demand.arithmetic, getattr(namespace.quota, key))


def _has(quota: QuotaSpec) -> Resources:
    millicores, mib = parse_quantity(quota.cpu) * 1000, parse_quantity(quota.memory) / _MIB
    return Resources(int(millicores), int(mib), quota.pods)
