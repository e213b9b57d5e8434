"""What a stack file asks of load balancers: that somebody makes them, and where they are to be.

It is asked of whichever fields are sound, so that these faults are reported with all others.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from components.aws.controllers.load_balancer_controller import LoadBalancerControllerSpec
from components.aws.network import ExistingNetworkSpec
from components.kubernetes.exposure import ExposureSpec
from components.spec import Fault
from settings.given import mapping

_PLATFORM = "tfserving:platform"
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/https-listener-certificates.html
_ACM_CERTIFICATE = r"arn:aws[a-z-]*:acm:{region}:[0-9]{{12}}:certificate/[0-9a-f-]+"
# https://docs.cloud.google.com/compute/docs/reference/rest/v1/sslCertificates
_GOOGLE_CERTIFICATE = r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#availability-zones
_FEWEST_ZONES = 2
# Eight patterns of paths for each, and a load balancer takes 100.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
_MOST_NAMES = 12

EKS_KINDS = ("alb",)
GKE_KINDS = ("load_balancer", "gateway")


def exposure_faults(
    platform: object, models: object, region: object, project: object = None
) -> Iterator[Fault]:
    """Yield what exposed models ask that their platform has not; a path begins with a model's name.

    Of another stack's platform these sections say only which cloud it is on.
    """
    given = mapping(platform)
    for name, model in mapping(models).items():
        if (expose := mapping(model).get("expose")) is None:
            continue
        spec = ExposureSpec.of_sound_fields(mapping(expose))
        match given.get("kind"):
            case "eks":
                found = [*_lacks_of_eks(given, spec, expose), *_alb_faults(spec, region)]
            case "gke":
                found = [*lacks_of_gke(spec, mapping(given.get("network"))), *_gke_faults(spec)]
            case "shared" if project is not None and region is None:
                found = [*_gke_faults(spec)]
            case _:
                found = [*_alb_faults(spec, region)]
        for fault in found:
            yield fault.below(name, "expose")
        beside = len(mapping(mapping(model).get("also")))
        if beside >= _MOST_NAMES:
            limit = f"must be at most {_MOST_NAMES - 1} models beside one that is exposed: a load "
            yield Fault((name, "also"), f"{limit}balancer has no room for more paths", beside)


def _alb_faults(spec: ExposureSpec, region: object) -> Iterator[Fault]:
    yield from _other_kind(spec, EKS_KINDS)
    given = vars(spec)
    certificate: str | None = given.get("certificate")
    of_region = _ACM_CERTIFICATE.format(region=re.escape(str(region or "")) or "[a-z0-9-]+")
    if certificate and not re.fullmatch(of_region, certificate):
        limit = "must be the ARN of a certificate of ACM in aws:region"
        yield Fault(("certificate",), limit, certificate)
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html#target-group-protocol-version
    if given.get("grpc") and "certificate" in given and certificate is None:
        limit = "must come with a certificate: load balancers take gRPC over TLS only"
        yield Fault(("grpc",), limit, spec.grpc)


def _gke_faults(spec: ExposureSpec) -> Iterator[Fault]:
    yield from _other_kind(spec, GKE_KINDS)
    if check := _OF_KIND.get(vars(spec).get("kind", "") or GKE_KINDS[0]):
        yield from check(vars(spec))


def _network_balancer_faults(given: Mapping[str, Any]) -> Iterator[Fault]:
    # https://docs.cloud.google.com/kubernetes-engine/docs/concepts/service-load-balancer
    if given.get("certificate") is not None:
        limit = "must be left out: a load balancer of kind load_balancer passes connections on as "
        yield Fault(
            ("certificate",), f"{limit}they are; kind: gateway speaks TLS", given["certificate"]
        )


def _gateway_faults(given: Mapping[str, Any]) -> Iterator[Fault]:
    certificate = given.get("certificate")
    if certificate and not re.fullmatch(_GOOGLE_CERTIFICATE, certificate):
        limit = "must be the name of an SSL certificate of Compute Engine in gcp:project"
        yield Fault(("certificate",), limit, certificate)
    # https://docs.cloud.google.com/kubernetes-engine/docs/how-to/deploying-gateways#configure-app-protocol
    if given.get("grpc"):
        limit = "must be false: a gateway speaks gRPC to pods over TLS only, and the server has "
        yield Fault(("grpc",), f"{limit}none; kind: load_balancer takes gRPC", given["grpc"])
    # https://docs.cloud.google.com/kubernetes-engine/docs/how-to/gatewayclass-capabilities
    if given.get("scope") == "internal" and given.get("cidrs"):
        limit = "must be empty: an internal gateway cannot tell its clients by their networks"
        yield Fault(("cidrs",), f"{limit}; kind: load_balancer can", given["cidrs"])


_OF_KIND: Mapping[str, Callable[[Mapping[str, Any]], Iterator[Fault]]] = {
    "load_balancer": _network_balancer_faults,
    "gateway": _gateway_faults,
}


def _other_kind(spec: ExposureSpec, kinds: tuple[str, ...]) -> Iterator[Fault]:
    kind = vars(spec).get("kind")
    if kind is not None and kind not in kinds:
        limit = f"must be {' or '.join(kinds)}, which this platform has"
        yield Fault(("kind",), limit, kind)


def _lacks_of_eks(given: Mapping[str, Any], spec: ExposureSpec, expose: object) -> Iterator[Fault]:
    controller = mapping(given.get("load_balancer_controller"))
    if not vars(LoadBalancerControllerSpec.of_sound_fields(controller)).get("enabled", True):
        limit = f"must come with {_PLATFORM}.load_balancer_controller.enabled: true, as nothing "
        yield Fault((), f"{limit}else makes the load balancer of an Ingress", expose)
    network = mapping(given.get("network"))
    if "vpc_id" not in network:  # of one of the stack's own all is known
        return
    if network.get("cidr") is None:
        limit = f"must come with {_PLATFORM}.network.cidr, where its load balancer is"
        yield Fault((), limit, expose)
    # A field that is wrong in itself is not there.
    subnets = vars(ExistingNetworkSpec.of_sound_fields(network)).get("public_subnet_ids")
    public = vars(spec).get("scope") == "public"
    if public and subnets is not None and len({*subnets}) < _FEWEST_ZONES:
        limit = f"must come with {_PLATFORM}.network.public_subnet_ids, one in each of two zones"
        yield Fault(("scope",), f"{limit} or more", spec.scope)


def lacks_of_gke(
    spec: ExposureSpec, network: Mapping[str, Any], platform: str = _PLATFORM
) -> Iterator[Fault]:
    """Find addresses that a load balancer of GKE needs, and that its platform's network has not."""
    known = vars(spec)
    if known.get("scope") != "internal" or "kind" not in known or "cidrs" not in known:
        return
    # https://docs.cloud.google.com/load-balancing/docs/proxy-only-subnets
    if spec.kind == "gateway" and network.get("proxy_cidr") is None:
        limit = f"must come with {platform}.network.proxy_cidr, where the proxies of internal "
        yield Fault(("scope",), f"{limit}gateways are", spec.scope)
    if spec.kind != "gateway" and not spec.cidrs and network.get("cidr") is None:
        limit = f"must come with cidrs, or {platform}.network.cidr: where its clients are"
        yield Fault(("scope",), limit, spec.scope)
