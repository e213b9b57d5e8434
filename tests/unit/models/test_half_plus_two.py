"""The model that ships: its files are what the manifest says."""

from settings.model_sources import read_model_files, source_faults

FOLDER = "models/half-plus-two/1"


def test_the_files_are_what_the_manifest_says():
    assert [*source_faults(FOLDER)] == []


def test_the_manifest_is_sorted():
    names = [name for name in read_model_files(FOLDER).digests if name != "manifest.sha256"]

    assert names == sorted(names)
