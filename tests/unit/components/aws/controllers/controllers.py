"""What the tests of the controllers share: their cluster, and their requests read."""

import json
from typing import Any

import pulumi_kubernetes as k8s

from components.aws.controllers.controller import ControllerPlace

ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
POLICY = "aws:iam/rolePolicy:RolePolicy"
RELEASE = "kubernetes:helm.sh/v3:Release"
PLACE = ControllerPlace(cluster_name="Dev", region="us-west-2", tags={"team": "ml"})


def provider() -> k8s.Provider:
    return k8s.Provider("kubernetes", kubeconfig="{}")


def values_of(cloud: Any) -> dict[str, Any]:
    return cloud.one(RELEASE)["values"]


def statements(document: str) -> list[dict[str, Any]]:
    return json.loads(document)["Statement"]


def allowed(document: str, action: str) -> list[dict[str, Any]]:
    """Return the statements that name an action."""
    return [
        each
        for each in statements(document)
        if action == each["Action"] or (action in each["Action"] and each["Action"] != "*")
    ]
