"""The model that ships: its files are what the manifest says, and it computes x / 2 + 2."""

import pytest

from settings.model_sources import read_model_files, source_faults
from tests.unit.stack_files import ROOT

FOLDER = "models/half-plus-two/1"


def test_the_files_are_what_the_manifest_says():
    assert [*source_faults(FOLDER)] == []


def test_the_manifest_is_sorted():
    names = [name for name in read_model_files(FOLDER).digests if name != "manifest.sha256"]

    assert names == sorted(names)


@pytest.mark.tensorflow
def test_tensorflow_loads_it_and_f_of_2_is_3():
    tensorflow = pytest.importorskip("tensorflow", reason="needs the dependency group `model`")

    predict = tensorflow.saved_model.load(str(ROOT / FOLDER)).signatures["serving_default"]

    assert predict(x=tensorflow.constant([2.0, 0.0]))["y"].numpy().tolist() == [3.0, 2.0]
