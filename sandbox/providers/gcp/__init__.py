"""The simulated gcp provider: as strict as Google Cloud in what it accepts, one row per type."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from importlib.metadata import version

from google.api_core.exceptions import GoogleAPIError
from requests import RequestException

from sandbox.errors import SandboxError
from sandbox.providers import sdk_schema
from sandbox.providers.cloud import Cloud
from sandbox.providers.gcp import enumerations
from sandbox.providers.gcp.checks import deletion_policy, region, zone
from sandbox.providers.gcp.iam import PROJECT_ID
from sandbox.providers.gcp.project import Project
from sandbox.providers.gcp.resource_type import ResourceType
from sandbox.providers.plugin import Failure, Refused
from sandbox.providers.resource_type import Inputs, Outputs
from sandbox.providers.values import Properties

_CONFIGURED = {"project": "project", "region": "region", "location": "zone or gcp:region"}
"""What a resource may leave to the provider's configuration, and the keys of that."""


def _strict(row: ResourceType) -> ResourceType:
    """Return a row that also refuses what no type takes, where its own checks do not."""
    policy = deletion_policy(row.docs)

    def check(inputs: Inputs) -> Iterator[Failure]:
        found = [failure for own in row.checks for failure in own(inputs)]
        told = {failure.property for failure in found}
        yield from found
        of_all = (*policy(inputs), *enumerations.faults(row.token, inputs))
        yield from (failure for failure in of_all if failure.property not in told)

    return replace(row, checks=(check,))


ROWS: Mapping[str, ResourceType] = {
    row.token: _strict(row)
    for service in (
        "addresses",
        "cluster",
        "iam",
        "network",
        "node_pool",
        "security_policy",
        "ssl_policy",
        "storage",
    )
    for row in import_module(f"{__name__}.{service}").ROWS
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
        """Find a project, a region and a zone that are none."""
        places = [*region("region")(inputs), *zone("zone")(inputs)]
        given = inputs.get("project")
        if given is None or re.fullmatch(PROJECT_ID, str(given)):
            return places
        limit = "must be the id of a project: 6 to 30 lower-case letters, digits and hyphens"
        return [Failure("project", f"{limit}, got {given!r}"), *places]

    def configure(self, settings: Properties) -> None:
        """Take project, region and zone."""
        self._settings = settings

    def account(self, stack: str) -> Project:
        """Return the configured project, in the configured region or that of the zone."""
        given = {name: str(value or "") for name, value in self._settings.items()}
        where = given.get("zone", "")
        its_region = given.get("region") or "-".join(where.split("-")[:2])
        return Project(id=given.get("project", ""), stack=stack, region=its_region, zone=where)

    def own_outputs(self, account: Project, row: ResourceType) -> Outputs:
        """Return project, region, zone and location, for types that have them."""
        known = account.known
        return {name: known[name] for name in known.keys() & sdk_schema.output_names(row.token)}

    def own_faults(self, row: ResourceType, inputs: Inputs) -> Sequence[Failure]:
        """Find what neither the resource names nor the stack's file."""
        known = self.account("").known
        left_open = sdk_schema.output_names(row.token) - sdk_schema.required_names(row.token)
        return [
            Failure(name, f"required field is not set: give gcp:{key} in the stack's file")
            for name, key in _CONFIGURED.items()
            if name in left_open and not (inputs.get(name) or known[name])
        ]

    def invoke(self, token: str, arguments: Properties, *, preview: bool) -> Properties:
        """Answer nothing: neither the SDK nor the program asks."""
        raise Refused(f"the function {token} has no answer in {self.folder}")
