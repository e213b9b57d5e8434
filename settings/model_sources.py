"""Model files in this repository: what a manifest lists, and whether they are what it says."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from components.kubernetes.model_fetch import MANIFEST
from components.spec import Fault

PROJECT = Path(__file__).resolve().parents[1]

_DIGEST_LENGTH = 64
_REMOTE = re.compile(r"\s*[a-z][a-z0-9+.-]*:/", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class ModelFiles:
    """The files of a model version; the folder is relative to the project."""

    folder: str
    digests: Mapping[str, str]
    manifest_digest: str

    @property
    def size(self) -> int:
        """Of all files, in bytes."""
        return sum((PROJECT / self.folder / file).stat().st_size for file in self.digests)


def read_model_files(folder: str) -> ModelFiles:
    """Return what the manifest of a model version lists, the manifest itself included."""
    manifest = PROJECT / folder / MANIFEST
    digest = _sha256(manifest)
    return ModelFiles(
        folder=folder,
        digests={**_listed(manifest.read_text()), MANIFEST: digest},
        manifest_digest=digest,
    )


def source_faults(folder: str) -> Iterator[Fault]:
    """Return what is wrong with the files of a model version."""
    version = PROJECT / folder
    if not (version / MANIFEST).is_file():
        yield Fault(("source",), f"must hold a model version with {MANIFEST}", folder)
        return
    try:
        listed = _listed((version / MANIFEST).read_text())
    except ValueError as error:
        yield Fault(("source",), f"{MANIFEST} must be as sha256sum writes it: {error}", folder)
        return
    if "saved_model.pb" not in listed:
        yield Fault(("source",), f"saved_model.pb must be in {MANIFEST}", folder)
    for name, digest in listed.items():
        if not (version / name).is_file():
            yield Fault(("source",), f"{name} is in {MANIFEST} and must be there", folder)
        elif (actual := _sha256(version / name)) != digest:
            rule = f"{name} must have the digest that {MANIFEST} gives, {digest}, not {actual}"
            yield Fault(("source",), rule, folder)
    for path in sorted(path for path in version.rglob("*") if path.is_file()):
        name = path.relative_to(version).as_posix()
        if name != MANIFEST and name not in listed:
            yield Fault(("source",), f"{name} must be in {MANIFEST}", folder)


def is_remote(path: str) -> bool:
    """Tell whether a path begins with a scheme, such as s3 or gs, in whatever spelling."""
    return _REMOTE.match(path) is not None


def _listed(manifest: str) -> dict[str, str]:
    """Return file names and their digests, or raise ValueError with the line that is neither."""
    digests: dict[str, str] = {}
    for line in manifest.splitlines():
        digest, _, name = line.partition("  ")
        path = Path(name)
        if len(digest) != _DIGEST_LENGTH or not name or path.is_absolute() or ".." in path.parts:
            raise ValueError(line)
        digests[name] = digest
    return digests


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
