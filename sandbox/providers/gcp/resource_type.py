"""A row of Google Cloud's, and how its ids and links are made."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.providers import resource_type
from sandbox.providers.gcp.project import API, Project
from sandbox.providers.resource_type import Inputs, Outputs

ResourceType = resource_type.ResourceType[Project]


def path(template: str) -> Callable[[Project, str, Inputs], str]:
    """Identify by a path such as `projects/{project}/global/networks/{name}`, of inputs."""

    def identify(project: Project, _owner: str, inputs: Inputs) -> str:
        return template.format_map(_named(project, inputs))

    return identify


def linked(service: str) -> Callable[[Project, str, Inputs], Outputs]:
    """Compute the link of what is identified by its path."""

    def computed(_project: Project, identifier: str, _inputs: Inputs) -> Outputs:
        return {"selfLink": f"{API}/{service}/v1/{identifier}"}

    return computed


def kept(inputs: Inputs) -> str:
    """Tell why a resource is not deleted, from the policy that all types of the provider have."""
    if inputs.get("deletionPolicy") == "PREVENT":
        return "deletionPolicy is PREVENT: set it to DELETE and deploy that first"
    return ""


def _named(project: Project, inputs: Inputs) -> Mapping[str, Any]:
    return {
        **inputs,
        "project": project.of(inputs),
        "region": project.region_of(inputs),
        "location": project.location_of(inputs),
    }
