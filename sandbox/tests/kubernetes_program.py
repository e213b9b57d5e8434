"""One resource of a program, and the objects that the tests of the kubernetes provider make."""

from typing import Any

from sandbox.kubernetes_api import KubernetesApi
from sandbox.providers.kubernetes import KubernetesProvider
from sandbox.providers.plugin import Request, Urn
from sandbox.providers.values import from_struct, to_struct

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
SERVICE = "kubernetes:core/v1:Service"


class Program:
    """One resource of a program, taken through what the engine asks of a provider."""

    def __init__(self, provider: KubernetesProvider, token: str, name: str = "web") -> None:
        self.provider = provider
        self.urn = Urn(f"urn:pulumi:dev::tfserving::{token}::{name}")
        self.id, self.inputs, self.outputs = "", {}, {}

    def checked(self, inputs: dict) -> dict:
        checked, failures = self.provider.check(self.urn, self.inputs, inputs, b"seed")
        assert not failures
        return stripped(checked)

    def request(self, inputs: dict, **more: Any) -> Request:
        return Request(
            urn=self.urn,
            id=self.id,
            inputs=inputs,
            old_inputs=self.inputs,
            old_outputs=self.outputs,
            **more,
        )

    def preview(self, inputs: dict, **more: Any) -> dict:
        request = self.request(self.checked(inputs), preview=True, **more)
        outputs = self.provider.update(request) if self.id else self.provider.create(request)[1]
        return stripped(outputs)

    def up(self, inputs: dict, **more: Any) -> dict:
        request = self.request(self.checked(inputs), **more)
        if self.id:
            outputs = self.provider.update(request)
        else:
            self.id, outputs = self.provider.create(request)
        self.inputs, self.outputs = request.inputs, stripped(outputs)
        return self.outputs

    def diff(self, inputs: dict) -> Any:
        return self.provider.diff(self.request(self.checked(inputs)))

    def refresh(self) -> Any:
        return self.provider.read(self.request(self.inputs))

    def destroy(self) -> None:
        self.provider.delete(self.request(self.inputs))


def stripped(properties: dict) -> dict:
    """Return properties as the engine gives them back to a provider that takes no secrets."""
    return from_struct(to_struct(properties))


def deployment(space: str, *, cpu: str = "100m", image: str = "server:1", **spec: Any) -> dict:
    container = {"name": "server", "image": image, "resources": {"requests": {"cpu": cpu}}}
    pod = {
        "containers": [container],
        "nodeSelector": {"pool": "tests"},
        "terminationGracePeriodSeconds": 0,
    }
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod}
    selector = {"matchLabels": {"app": "web"}}
    return {
        "metadata": {"name": "web", "namespace": space},
        "spec": {"replicas": 1, "selector": selector, "template": template, **spec},
    }


def config_map(space: str, **fields: Any) -> dict:
    return {"metadata": {"name": "web", "namespace": space}, **fields}


def scaled_by(api: KubernetesApi, space: str, manager: str, replicas: int) -> None:
    path = api.path("apps/v1", "Deployment", space, "web", "scale")
    api.call(
        "PATCH",
        path,
        {"spec": {"replicas": replicas}},
        query={"fieldManager": manager},
        content_type="application/merge-patch+json",
    )
