"""Buckets, who may read them, and objects, as the emulator of Cloud Storage holds them."""

import base64
import mimetypes
import threading
from collections.abc import Mapping
from typing import Any

from google.api_core.exceptions import Conflict, NotFound

from sandbox.providers.gcp import bucket_settings
from sandbox.providers.gcp.project import OWN_LABELS, OWNER_LABEL, Project
from sandbox.providers.plugin import Refused
from sandbox.providers.resource_type import Inputs, Outputs
from sandbox.providers.values import asset_bytes, nested

# A refused connection means that the emulator is gone: waiting longer does not bring it back.
_ONCE: Mapping[str, Any] = {"retry": None, "timeout": 30}
_FORCE = f"{OWN_LABELS}force-destroy"
# A policy is read, changed and written as a whole, and the emulator compares no etags.
_policies = threading.Lock()


class Buckets:
    """Buckets, with those of their settings that the emulator keeps."""

    def create(self, project: Project, inputs: Inputs, owner: str) -> str:
        """Make the bucket, marked and set in one request: a crash leaves none of nobody's."""
        client = project.storage()
        bucket = client.bucket(inputs["name"])
        bucket_settings.apply(bucket, inputs, _own_labels(inputs, owner))
        where = {"project": project.of(inputs), "location": inputs["location"]}
        client.create_bucket(bucket, **where, **_ONCE)
        return inputs["name"]

    def find(self, project: Project, owner: str) -> list[str]:
        """Find a bucket by its owner."""
        buckets = project.storage().list_buckets(**_ONCE)
        return [bucket.name for bucket in buckets if bucket.labels.get(OWNER_LABEL) == owner]

    def read(self, project: Project, identifier: str) -> Outputs | None:
        """Read the settings."""
        try:
            bucket = project.storage().get_bucket(identifier, **_ONCE)
        except NotFound:
            return None
        return {"name": identifier, **bucket_settings.held(bucket)}

    def update(self, project: Project, identifier: str, old: Inputs, new: Inputs) -> None:
        """Set it anew; whose it is stays."""
        bucket = project.storage().get_bucket(identifier, **_ONCE)
        own = _own_labels(new, bucket.labels.get(OWNER_LABEL, ""))
        bucket_settings.apply(bucket, new, own)
        bucket.patch(**_ONCE)

    def delete(self, project: Project, identifier: str) -> None:
        """Delete the bucket, which must be empty unless the program says otherwise."""
        client = project.storage()
        try:
            bucket = client.get_bucket(identifier, **_ONCE)
            if _FORCE in bucket.labels:
                for blob in client.list_blobs(identifier, **_ONCE):
                    blob.delete(**_ONCE)
            bucket.delete(**_ONCE)
        except NotFound:
            return
        except Conflict:
            raise Refused(
                f"bucket {identifier} is not empty: delete its objects first, or set forceDestroy"
            ) from None


class BucketMembers:
    """What single members may do with a bucket."""

    def create(self, project: Project, inputs: Inputs, owner: str) -> str:
        """Add a binding to the bucket's policy, unless it is there."""
        binding = _binding(inputs)
        with _policies:
            bucket, policy = _policy(project, inputs["bucket"])
            if binding not in policy.bindings:
                policy.bindings = [*policy.bindings, binding]
                bucket.set_iam_policy(policy, **_ONCE)
        return grant(inputs)

    def find(self, project: Project, owner: str) -> list[str]:
        """Adding it again does no harm, so nothing needs finding."""
        return []

    def read(self, project: Project, identifier: str) -> Outputs | None:
        """Read it from the bucket's policy."""
        bucket = identifier.split("/")[1]
        try:
            _, policy = _policy(project, bucket)
        except NotFound:
            return None
        granted = (_granted(bucket, binding) for binding in policy.bindings)
        return next((each for each in granted if grant(each) == identifier), None)

    def update(self, project: Project, identifier: str, old: Inputs, new: Inputs) -> None:
        """Nothing of it may change in place."""

    def delete(self, project: Project, identifier: str) -> None:
        """Take it out of the bucket's policy."""
        name = identifier.split("/")[1]
        with _policies:
            try:
                bucket, policy = _policy(project, name)
            except NotFound:
                return
            policy.bindings = [
                binding
                for binding in policy.bindings
                if grant(_granted(name, binding)) != identifier
            ]
            bucket.set_iam_policy(policy, **_ONCE)


class Objects:
    """Objects, with their content.

    Theirs is not the provider's own id, `bucket-name`, which does not tell where a bucket's ends.
    """

    def create(self, project: Project, inputs: Inputs, owner: str) -> str:
        """Upload the content."""
        blob = project.storage().bucket(inputs["bucket"]).blob(inputs["name"])
        blob.metadata = inputs.get("metadata")
        blob.storage_class = inputs.get("storageClass")
        blob.cache_control = inputs.get("cacheControl")
        guessed = mimetypes.guess_type(inputs["name"])[0] or "application/octet-stream"
        kind = inputs.get("contentType", guessed)
        blob.upload_from_string(_content(inputs), content_type=kind, **_ONCE)
        return f"{inputs['bucket']}/{inputs['name']}"

    def find(self, project: Project, owner: str) -> list[str]:
        """Uploading it again does no harm, so nothing needs finding."""
        return []

    def read(self, project: Project, identifier: str) -> Outputs | None:
        """Read what Cloud Storage says of the content."""
        bucket, _, name = identifier.partition("/")
        blob = project.storage().bucket(bucket).get_blob(name, **_ONCE)
        if blob is None:
            return None
        return {
            "name": name,
            "outputName": name,
            "contentType": blob.content_type,
            "crc32c": blob.crc32c,
            "md5hash": blob.md5_hash,
            "md5hexhash": base64.b64decode(blob.md5_hash).hex(),
            "generation": blob.generation,
            "mediaLink": blob.media_link,
        }

    def update(self, project: Project, identifier: str, old: Inputs, new: Inputs) -> None:
        """Upload the content anew."""
        self.create(project, new, "")

    def delete(self, project: Project, identifier: str) -> None:
        """Delete the object."""
        bucket, _, name = identifier.partition("/")
        try:
            project.storage().bucket(bucket).blob(name).delete(**_ONCE)
        except NotFound:
            return


def _own_labels(inputs: Inputs, owner: str) -> dict[str, str]:
    return {OWNER_LABEL: owner, **({_FORCE: "true"} if inputs.get("forceDestroy") else {})}


def _policy(project: Project, name: str) -> tuple[Any, Any]:
    bucket = project.storage().bucket(name)
    policy = bucket.get_iam_policy(requested_policy_version=3, **_ONCE)
    policy.version = 3  # the first that has conditions
    return bucket, policy


def _binding(inputs: Inputs) -> dict[str, Any]:
    given = {"condition": inputs["condition"]} if inputs.get("condition") else {}
    return {"role": inputs["role"], "members": {inputs["member"]}, **given}


def _granted(bucket: str, binding: Mapping[str, Any]) -> dict[str, Any]:
    # The emulator's bindings are the provider's own, of one member each.
    (who,) = binding["members"]
    given = {"condition": dict(binding["condition"])} if binding.get("condition") else {}
    return {"bucket": bucket, "role": binding["role"], "member": who, **given}


def grant(inputs: Inputs) -> str:
    """Return the id of what a member was granted, as the provider writes it."""
    title = nested(inputs, "condition").get("title")
    names = ("b", inputs["bucket"], inputs["role"], inputs["member"], *((title,) if title else ()))
    return "/".join(names)


def _content(inputs: Inputs) -> bytes:
    if source := inputs.get("source"):
        return asset_bytes(source)
    return str(inputs.get("content", "")).encode()
