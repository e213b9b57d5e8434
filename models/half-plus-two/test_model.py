"""The model that ships, as TensorFlow sees it. Needs the dependency group `model`."""

# pyright: basic
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.tensorflow,
    # TensorFlow's own imports warn.
    pytest.mark.filterwarnings("ignore"),
]
VERSION = Path(__file__).parent / "1"


def test_tensorflow_loads_it_and_f_of_2_is_3():
    """The signature takes x, gives y, and y is x / 2 + 2."""
    tf = pytest.importorskip("tensorflow", reason="needs the dependency group `model`")
    predict = tf.saved_model.load(str(VERSION)).signatures["serving_default"]

    ((_, inputs), outputs) = predict.structured_input_signature, predict.structured_outputs

    assert inputs == {"x": tf.TensorSpec([None], tf.float32, name="x")}
    assert [*outputs] == ["y"]
    assert predict(x=tf.constant([2.0, 0.0, -4.0]))["y"].numpy().tolist() == [3.0, 2.0, 0.0]
