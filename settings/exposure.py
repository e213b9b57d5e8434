"""What a stack file asks of load balancers: that somebody makes them, and where they are to be.

It is asked of whichever fields are sound, so that these faults are reported with all others.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from components.aws.controllers.load_balancer_controller import LoadBalancerControllerSpec
from components.aws.network import ExistingNetworkSpec
from components.kubernetes.exposure import ExposureSpec
from components.spec import Fault
from settings.given import mapping

_PLATFORM = "tfserving:platform"
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/https-listener-certificates.html
_CERTIFICATE = r"arn:aws[a-z-]*:acm:{region}:\d{{12}}:certificate/[0-9a-f-]+"
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#availability-zones
_FEWEST_ZONES = 2
# Eight patterns of paths for each, and a load balancer takes 100.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
_MOST_NAMES = 12


def exposure_faults(platform: object, models: object, region: object) -> Iterator[Fault]:
    """Yield what exposed models ask that their platform has not; a path begins with a model's name.

    Of another stack's platform these sections say nothing: only the models themselves are asked.
    """
    given = mapping(platform)
    exposed = {
        name: mapping(model)
        for name, model in mapping(models).items()
        if mapping(model).get("expose") is not None
    }
    for name, model in exposed.items():
        expose = model["expose"]
        spec = ExposureSpec.of_sound_fields(mapping(expose))
        lacking = _lacks(given, spec, expose) if given.get("kind") == "eks" else ()
        for fault in (*lacking, *_foreign_certificate(spec, region)):
            yield fault.below(name, "expose")
        beside = len(mapping(model.get("also")))
        if beside >= _MOST_NAMES:
            limit = f"must be at most {_MOST_NAMES - 1} models beside one that is exposed: a load "
            yield Fault((name, "also"), f"{limit}balancer has no room for more paths", beside)


def _lacks(given: Mapping[str, Any], spec: ExposureSpec, expose: object) -> Iterator[Fault]:
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


def _foreign_certificate(spec: ExposureSpec, region: object) -> Iterator[Fault]:
    certificate: str | None = vars(spec).get("certificate")
    of_region = _CERTIFICATE.format(region=re.escape(str(region or "")) or "[a-z0-9-]+")
    if certificate and not re.fullmatch(of_region, certificate):
        limit = "must be the ARN of a certificate of ACM in aws:region"
        yield Fault(("certificate",), limit, certificate)
