"""Model sources: what is uploaded is what the manifest says, or nothing is."""

import hashlib

import pytest

from settings import model_sources
from settings.model_sources import read_model_files, source_faults


@pytest.fixture
def version(tmp_path, monkeypatch):
    """A sound model version, at `model/1` of a project of its own."""
    monkeypatch.setattr(model_sources, "PROJECT", tmp_path)
    version = tmp_path / "model" / "1"
    (version / "variables").mkdir(parents=True)
    files = {"saved_model.pb": b"graph", "variables/variables.index": b"index"}
    for name, content in files.items():
        (version / name).write_bytes(content)
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}" for name, content in files.items()]
    (version / "manifest.sha256").write_text("\n".join(lines) + "\n")
    return version


def the_fault() -> str:
    (fault,) = source_faults("model/1")
    assert (fault.path, fault.given) == (("source",), "model/1")
    return fault.rule


def test_a_sound_source_has_no_faults(version):
    assert [*source_faults("model/1")] == []


def test_its_files_are_the_manifests_and_the_manifest(version):
    files = read_model_files("model/1")

    manifest_digest = hashlib.sha256((version / "manifest.sha256").read_bytes()).hexdigest()
    assert files.folder == "model/1"
    assert files.manifest_digest == manifest_digest
    assert files.digests == {
        "saved_model.pb": hashlib.sha256(b"graph").hexdigest(),
        "variables/variables.index": hashlib.sha256(b"index").hexdigest(),
        "manifest.sha256": manifest_digest,
    }


def test_a_folder_without_manifest_is_refused(version):
    (version / "manifest.sha256").unlink()

    assert the_fault() == "must hold a model version with manifest.sha256"


def test_a_changed_file_is_refused_by_name_and_digests(version):
    (version / "saved_model.pb").write_bytes(b"other")

    expected, actual = (hashlib.sha256(content).hexdigest() for content in (b"graph", b"other"))
    assert the_fault() == (
        f"saved_model.pb must have the digest that manifest.sha256 gives, {expected}, not {actual}"
    )


def test_a_missing_file_is_refused_by_name(version):
    (version / "variables" / "variables.index").unlink()

    assert the_fault() == "variables/variables.index is in manifest.sha256 and must be there"


def test_a_file_that_the_manifest_does_not_list_is_refused_by_name(version):
    (version / "variables" / "notes.txt").touch()

    assert the_fault() == "variables/notes.txt must be in manifest.sha256"


def test_a_manifest_without_a_model_is_refused(version):
    (version / "saved_model.pb").unlink()
    manifest = version / "manifest.sha256"
    manifest.write_text("".join(manifest.read_text().splitlines(keepends=True)[1:]))

    assert the_fault() == "saved_model.pb must be in manifest.sha256"


@pytest.mark.parametrize(
    "line", ["saved_model.pb", "abc  saved_model.pb", f"{'0' * 64}  ../secret", f"{'0' * 64}  /etc"]
)
def test_a_manifest_that_is_none_is_refused_with_the_line(version, line):
    (version / "manifest.sha256").write_text(f"{line}\n")

    assert the_fault() == f"manifest.sha256 must be as sha256sum writes it: {line}"
