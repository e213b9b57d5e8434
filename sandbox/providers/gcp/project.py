"""The Google Cloud project that the sandbox plays: its names, its places, its storage's clients."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

OWN_LABELS = "sandbox-"
"""What the labels of the sandbox's own begin with; the program never sees them."""

OWNER_LABEL = f"{OWN_LABELS}owner"
"""The label by which an object is found again that was created but never recorded."""

API = "https://www.googleapis.com"


@dataclass(frozen=True)
class Project:
    """A project as a stack's provider is configured for it, and as the stack sees it."""

    id: str
    region: str
    zone: str
    stack: str

    def of(self, inputs: Any) -> str:
        """Return the project that a resource names, or this one."""
        return inputs.get("project") or self.id

    def region_of(self, inputs: Any) -> str:
        """Return the region that a resource names, or the configured one."""
        return inputs.get("region") or self.region

    def location_of(self, inputs: Any) -> str:
        """Return the location that a resource names, or the configured zone or region."""
        return inputs.get("location") or self.known["location"]

    @property
    def known(self) -> Mapping[str, str]:
        """What the configuration makes of properties that a resource leaves open."""
        location = self.zone or self.region
        return {"project": self.id, "region": self.region, "zone": self.zone, "location": location}

    def storage(self) -> Any:
        """Return a client of the emulator; its address comes from STORAGE_EMULATOR_HOST."""
        return _storage(self.id, os.environ.get("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1"))


@cache
def _storage(project: str, endpoint: str) -> Any:
    # It takes most of a second, and a preview without changes asks for no bucket.
    from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415
    from google.cloud import storage  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs] - untyped

    return storage.Client(
        project=project,
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": endpoint},
    )
