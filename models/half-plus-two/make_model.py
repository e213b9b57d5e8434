"""Make the SavedModel f(x) = x / 2 + 2 and its manifest. Needs the dependency group `model`."""

# pyright: basic
import hashlib
import shutil
from pathlib import Path

import tensorflow as tf

VERSION = Path(__file__).parent / "1"
MANIFEST = "manifest.sha256"


class HalfPlusTwo(tf.Module):
    """A model small enough to ship and easy enough to check by head."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def predict(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return half of each number, plus two."""
        return {"y": x / 2.0 + 2.0}


def write_manifest(version: Path) -> None:
    """Write the digest of every file of a version, in the format of `sha256sum`."""
    digests = {
        path.relative_to(version).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in version.rglob("*")
        if path.is_file() and path.name != MANIFEST
    }
    lines = [f"{digest}  {name}\n" for name, digest in sorted(digests.items())]
    (version / MANIFEST).write_text("".join(lines))


def main() -> None:
    """Replace version 1 with a fresh export."""
    shutil.rmtree(VERSION, ignore_errors=True)
    model = HalfPlusTwo()
    tf.saved_model.save(model, str(VERSION), signatures={"serving_default": model.predict})
    write_manifest(VERSION)


if __name__ == "__main__":
    main()
