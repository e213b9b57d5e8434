"""The simulated gcp provider: as strict as Google Cloud in what it accepts, one row per type."""

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version

from google.api_core.exceptions import GoogleAPIError
from requests import RequestException

from sandbox.errors import SandboxError
from sandbox.providers import sdk_schema
from sandbox.providers.cloud import Cloud
from sandbox.providers.gcp import (
    addresses,
    cluster,
    iam,
    network,
    node_pool,
    security_policy,
    ssl_policy,
    storage,
)
from sandbox.providers.gcp.project import Project
from sandbox.providers.gcp.resource_type import ResourceType
from sandbox.providers.plugin import Failure, Refused
from sandbox.providers.resource_type import Inputs, Outputs
from sandbox.providers.values import Properties

ROWS: Mapping[str, ResourceType] = {
    row.token: row
    for service in (
        addresses,
        cluster,
        iam,
        network,
        node_pool,
        security_policy,
        ssl_policy,
        storage,
    )
    for row in service.ROWS
}


class Gcp(Cloud[Project]):
    """Google Cloud as the engine sees it."""

    version = version("pulumi-gcp")
    name = "Google Cloud"
    folder = "sandbox/providers/gcp"
    rows = ROWS
    errors = (GoogleAPIError, RequestException, SandboxError)

    def __init__(self) -> None:
        super().__init__()
        self._settings: Properties = {}

    def check_config(self, inputs: Properties) -> Sequence[Failure]:
        """Find a project that is none."""
        given = inputs.get("project")
        if given is None or re.fullmatch(iam.PROJECT_ID, str(given)):
            return []
        limit = "must be the id of a project: 6 to 30 lower-case letters, digits and hyphens"
        return [Failure("project", f"{limit}, got {given!r}")]

    def configure(self, settings: Properties) -> None:
        """Take project, region and zone."""
        self._settings = settings

    def account(self, stack: str) -> Project:
        """Return the configured project."""
        given = self._settings
        places = {name: str(given.get(name) or "") for name in ("region", "zone")}
        return Project(id=str(given.get("project") or ""), stack=stack, **places)

    def own_outputs(self, account: Project, row: ResourceType) -> Outputs:
        """Return project, region and zone, for types that have them."""
        known = {"project": account.id, "region": account.region, "zone": account.zone}
        return {name: known[name] for name in known.keys() & sdk_schema.output_names(row.token)}

    def own_faults(self, row: ResourceType, inputs: Inputs) -> Sequence[Failure]:
        """Find what neither the resource names nor the stack's file."""
        if self._settings.get("project") or inputs.get("project"):
            return []
        if "project" not in sdk_schema.output_names(row.token):
            return []
        reason = "required field is not set: give gcp:project in the stack's file"
        return [Failure("project", reason)]

    def invoke(self, token: str, arguments: Properties, *, preview: bool) -> Properties:
        """Answer nothing: neither the SDK nor the program asks."""
        raise Refused(f"the function {token} has no answer in {self.folder}")
