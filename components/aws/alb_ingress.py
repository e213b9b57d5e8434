"""An Application Load Balancer in front of a model, made by the AWS Load Balancer Controller."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.networking.v1 import HTTPIngressPathArgsDict
from pulumi_kubernetes.networking.v1.outputs import IngressStatus

from components.kubernetes.exposure import Addresses, Backend, ExposureSpec

PathType = Literal["Exact", "ImplementationSpecific"]

# https://kubernetes-sigs.github.io/aws-load-balancer-controller/v3.5/guide/ingress/annotations/
_ANNOTATION = "alb.ingress.kubernetes.io/"
_SCHEMES: Mapping[str, str] = {"internal": "internal", "public": "internet-facing"}
_LISTENERS: Mapping[bool, tuple[str, int]] = {False: ("HTTP", 80), True: ("HTTPS", 443)}
# TLS 1.2 with forward secrecy, and 1.3: what AWS recommends; the API's default is of 2016.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
_TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
_WORLD = ("0.0.0.0/0",)
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html
_IDLE_SECONDS = 60
# https://www.tensorflow.org/tfx/serving/api_rest; the status of a model is for probes.
_CALLS = (":predict", ":classify", ":regress", "/metadata")
# Never ModelService: whoever reaches it may load other models (HandleReloadConfigRequest).
_GRPC_CALLS = "/tensorflow.serving.PredictionService/*"
# The server has no such method, and says so once its models are loaded: gRPC opens only then.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
_GRPC_HEALTH_PATH, _GRPC_UNIMPLEMENTED = "/AWS.ALB/healthcheck", "12"


@dataclass(frozen=True, kw_only=True)
class AlbIngressArgs:
    """Who may reach which Service.

    Networks are those of an internal load balancer whose spec names none. Without subnets the
    controller finds them by their tags.
    """

    spec: ExposureSpec
    backend: Backend
    network_cidrs: Sequence[str]
    subnet_ids: Sequence[str] = ()


class AlbIngress(pulumi.ComponentResource):
    """Lets predictions and metadata through to pods that can predict, and nothing else.

    It must depend on the controller: only that takes away the load balancer of an Ingress that is
    deleted, and so it has to be there until then. For the same reason it is never `deleted_with`
    the cluster.
    """

    addresses: Addresses

    def __init__(
        self, name: str, args: AlbIngressArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tfserving:index:AlbIngress", name, {}, opts)
        spec, backend = args.spec, args.backend

        def ingress(
            named: str,
            port: int,
            paths: Mapping[str, PathType],
            annotations: Mapping[str, str],
        ) -> pulumi.Output[str]:
            made = k8s.networking.v1.Ingress(
                f"{named}-ingress",
                metadata={
                    "name": named,
                    "namespace": backend.namespace,
                    "labels": {
                        "app.kubernetes.io/name": "tensorflow-serving",
                        "app.kubernetes.io/instance": name,
                    },
                    "annotations": {
                        f"{_ANNOTATION}{key}": value
                        for key, value in {**_common_annotations(args), **annotations}.items()
                    },
                },
                spec={
                    "ingress_class_name": "alb",
                    "rules": [{"http": {"paths": _routes(paths, backend.service, port)}}],
                },
                opts=pulumi.ResourceOptions(parent=self),
            )
            return made.status.apply(_hostname)

        host = ingress(
            name,
            backend.rest_port,
            dict(_rest_paths(backend.models)),
            {"healthcheck-path": backend.health_path, "success-codes": "200"},
        )
        protocol, port = _LISTENERS[spec.certificate is not None]
        grpc_host = None
        if spec.grpc:
            # Not by `group.name` on the same load balancer: whoever may make an Ingress, in
            # whichever namespace, could join the group and take requests away.
            grpc_host = ingress(
                f"{name}.grpc",  # no model is called so
                backend.grpc_port,
                {_GRPC_CALLS: "ImplementationSpecific"},
                {
                    "backend-protocol-version": "GRPC",
                    "healthcheck-path": _GRPC_HEALTH_PATH,
                    "success-codes": _GRPC_UNIMPLEMENTED,
                },
            )
        self.addresses = Addresses(
            rest_url=pulumi.Output.format("{0}://{1}", protocol.lower(), host),
            grpc_address=grpc_host and pulumi.Output.format("{0}:{1}", grpc_host, port),
        )
        self.register_outputs(vars(self.addresses))


def _common_annotations(args: AlbIngressArgs) -> Mapping[str, str]:
    spec = args.spec
    listener, port = _LISTENERS[spec.certificate is not None]
    cidrs = spec.cidrs or (_WORLD if spec.scope == "public" else args.network_cidrs)
    annotations = {
        "scheme": _SCHEMES[spec.scope],
        # Straight to the pods: a Service's node ports would be one hop and one balancing more.
        "target-type": "ip",
        "inbound-cidrs": ",".join(cidrs),
        "listen-ports": json.dumps([{listener: port}]),
        "load-balancer-attributes": (
            "routing.http.drop_invalid_header_fields.enabled=true,"
            f"idle_timeout.timeout_seconds={_idle_seconds(args.backend)}"
        ),
        "target-group-attributes": (
            f"deregistration_delay.timeout_seconds={args.backend.deregistration_seconds}"
        ),
        "healthcheck-port": "traffic-port",
        "healthcheck-interval-seconds": "10",
        "healthcheck-timeout-seconds": "5",
        "healthy-threshold-count": "2",
        # A server that is busy with predictions may be late with an answer.
        "unhealthy-threshold-count": "3",
    }
    if spec.certificate is not None:
        annotations |= {"certificate-arn": spec.certificate, "ssl-policy": _TLS_POLICY}
    if args.subnet_ids:
        annotations["subnets"] = ",".join(args.subnet_ids)
    return annotations


def _idle_seconds(backend: Backend) -> int:
    # An answer that takes longer than AWS's default must not be cut off.
    return max(_IDLE_SECONDS, backend.deregistration_seconds + 1)


def _rest_paths(models: Sequence[str]) -> list[tuple[str, PathType]]:
    """Return what an ALB compares paths with: `*` is any text, slashes too.

    Eight patterns for each name; a load balancer has 100 at most.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
    """
    paths: list[tuple[str, PathType]] = []
    for model in models:
        for call in _CALLS:
            paths.append((f"/v1/models/{model}{call}", "Exact"))
            # .../versions/2:predict and .../labels/stable:predict, but never the status.
            paths.append((f"/v1/models/{model}/*{call}", "ImplementationSpecific"))
    return paths


def _routes(
    paths: Mapping[str, PathType], service: pulumi.Input[str], port: int
) -> list[HTTPIngressPathArgsDict]:
    return [
        {
            "path": path,
            "path_type": kind,
            "backend": {"service": {"name": service, "port": {"number": port}}},
        }
        for path, kind in paths.items()
    ]


def _hostname(status: IngressStatus | None) -> str:
    """Return where it is reached; nothing in a preview, when there is no load balancer yet."""
    balancer = status.load_balancer if status else None
    found = balancer.ingress if balancer else None
    return (found[0].hostname or "") if found else ""
