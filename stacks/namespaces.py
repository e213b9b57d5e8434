"""What models find when they come: a namespace, those who may call them, priority, room, images."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.kubernetes.headroom import Headroom
from components.kubernetes.image_prepull import ImagePrepull
from components.kubernetes.network_policy import ModelNetworkPolicy, ModelNetworkPolicyArgs
from components.kubernetes.pod import Lifecycle
from components.kubernetes.priority import Priorities, PrioritiesArgs
from components.kubernetes.serving_namespace import (
    ServingNamespace,
    ServingNamespaceArgs,
    ServingNamespaceSpec,
)
from components.kubernetes.spare_pods import SparePodsArgs
from components.kubernetes.tensorflow_serving import serving_labels
from settings import ModelSettings
from stacks.platform import Platform


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a model's pods are given, and what must be there before they are."""

    priority_class: pulumi.Output[str]
    ready: Sequence[pulumi.Resource]


@dataclass(frozen=True, kw_only=True)
class Namespaces:
    """The namespaces of all models of a stack."""

    platform: Platform
    specs: Mapping[str, ServingNamespaceSpec]
    made: Mapping[str, ServingNamespace]
    priorities: Priorities

    def surround(
        self, name: str, model: ModelSettings, *, lifecycle: Lifecycle | None = None
    ) -> Surroundings:
        """Declare what is around one model and return what its pods need of it."""
        spec, namespace = self.specs[model.namespace], self.made[model.namespace]
        entrance, monitoring = self.platform.entrance, self.platform.monitoring
        policy = ModelNetworkPolicy(
            name,
            ModelNetworkPolicyArgs(
                namespace=namespace.namespace,
                labels=serving_labels(name),
                clients=spec.clients,
                monitors=[*spec.monitors, *(monitoring.namespaces if monitoring else ())],
                load_balancers=entrance.sources(model.expose) if entrance and model.expose else (),
                load_balanced_grpc=model.expose is not None and model.expose.grpc,
                egress=[(each.cidr, each.port) for each in self.platform.egress],
            ),
            pulumi.ResourceOptions(provider=self.platform.kubernetes),
        )
        if self.priorities.spare is not None:
            spare = SparePodsArgs(
                spec=model,
                namespace=namespace.namespace,
                priority_class=self.priorities.spare,
                lifecycle=lifecycle,
                registries=self.platform.description.registries,
            )
            opts = pulumi.ResourceOptions(
                provider=self.platform.kubernetes,
                # Pods that outlive their nodes take long to go.
                depends_on=[namespace, *self.platform.capacity],
            )
            if model.headroom:
                Headroom(name, spare, opts)
            if model.pull_ahead:
                ImagePrepull(name, spare, opts)
        return Surroundings(priority_class=self.priorities.serving, ready=[namespace, policy])


def deploy(
    platform: Platform,
    models: Mapping[str, ModelSettings],
    namespaces: Mapping[str, ServingNamespaceSpec],
) -> Namespaces:
    """Declare the namespaces of models, each with what the stack file says of it."""
    opts = pulumi.ResourceOptions(provider=platform.kubernetes)
    spare = any(model.headroom or model.pull_ahead for model in models.values())
    priorities = Priorities("models", PrioritiesArgs(prefix=_prefix(), spare=spare), opts)
    specs = {
        name: namespaces.get(name, ServingNamespaceSpec())
        for name in sorted({model.namespace for model in models.values()})
    }
    return Namespaces(
        platform=platform,
        specs=specs,
        made={
            name: ServingNamespace(
                name,
                ServingNamespaceArgs(
                    spec=spec,
                    labels=_labels(platform, name, models),
                    uncounted=priorities.spare,
                ),
                opts,
            )
            for name, spec in specs.items()
        },
        priorities=priorities,
    )


def _prefix() -> str:
    """Return what tells the cluster's objects of this stack from those of others there."""
    name = f"{pulumi.get_project()}-{pulumi.get_stack()}".lower()
    return re.sub("[^a-z0-9]+", "-", name)


def _labels(
    platform: Platform, namespace: str, models: Mapping[str, ModelSettings]
) -> Mapping[str, str]:
    exposed = any(model.namespace == namespace and model.expose for model in models.values())
    return platform.entrance.namespace_labels if platform.entrance and exposed else {}
