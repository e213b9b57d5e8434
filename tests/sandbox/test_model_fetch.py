"""The init container that a live pod has, run as it is against the emulator's bucket."""

import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox import toolchain
from sandbox.kubernetes_api import Object
from sandbox.providers.aws.account import Account
from tests.sandbox.conftest import Environment, until
from tests.sandbox.init_containers import KEY, SOURCE, Fetch, content, flipped


@dataclass(frozen=True)
class Bucket:
    """The bucket of the models, which is as it was after each change."""

    s3: Any
    name: str

    @contextmanager
    def changed(self, files: Mapping[str, bytes | None]) -> Generator[None]:
        """Have files of the model's version differ for a while; None is one that is missing."""
        made: list[dict[str, str]] = []
        try:
            for name, content in files.items():
                at = {"Bucket": self.name, "Key": f"{KEY}/{name}"}
                done = (
                    self.s3.delete_object(**at)
                    if content is None
                    else self.s3.put_object(**at, Body=content)
                )
                made.append({**at, "VersionId": done["VersionId"]})
            yield
        finally:
            for version in made:
                self.s3.delete_object(**version)

    @contextmanager
    def denied(self) -> Generator[None]:
        """Let nobody read for a while."""
        everything = {"Effect": "Deny", "Principal": "*", "Action": "s3:*"}
        statement = {**everything, "Resource": f"arn:aws:s3:::{self.name}/*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.s3.put_bucket_policy(Bucket=self.name, Policy=policy)
        try:
            yield
        finally:
            self.s3.delete_bucket_policy(Bucket=self.name)


@pytest.fixture(scope="module")
def rclone(dev: Environment) -> Path:
    return toolchain.ensure_one(dev.layout, "rclone")


@pytest.fixture(scope="module")
def pod(dev: Environment) -> Object:
    """A pod of the model, as the API server has it."""
    return until(lambda: dev.pods("half-plus-two"))[0]


@pytest.fixture(scope="module")
def bucket(dev: Environment, account: Account) -> Bucket:
    return Bucket(account.client("s3"), dev.engine.outputs()["model_bucket"].removeprefix("s3://"))


@pytest.fixture
def fetch(pod: Object, rclone: Path, tmp_path: Path) -> Fetch:
    account = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    return Fetch(pod, tmp_path, rclone, account)


def test_a_sound_version_arrives_where_the_server_reads_it(fetch):
    done = fetch.run()

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert content(fetch.volumes / "models") == {
        f"half-plus-two/1/{name}": data for name, data in content(SOURCE).items()
    }


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.data-00000-of-00001"])
def test_a_flipped_bit_is_refused(fetch, bucket, name):
    with bucket.changed({name: flipped(name)}):
        assert fetch.fails() == (
            f"{bucket.name}/{KEY} is not what its manifest.sha256 says ({name} differs): "
            "publish this version again, whole"
        )


def test_a_missing_object_is_refused(fetch, bucket):
    with bucket.changed({"variables/variables.index": None}):
        assert "(variables/variables.index is missing)" in fetch.fails()


def test_an_extra_object_is_refused(fetch, bucket):
    with bucket.changed({"assets/words.txt": b"word"}):
        assert "(assets/words.txt is extra)" in fetch.fails()


def test_all_that_is_wrong_is_told_at_once(fetch, bucket):
    wrong = {"saved_model.pb": b"", "fingerprint.pb": None, "a b": b""}
    with bucket.changed(wrong):
        sentence = fetch.fails()

    told = sentence.partition("(")[2].partition(")")[0].split(", ")
    assert sorted(told) == ["a b is extra", "fingerprint.pb is missing", "saved_model.pb differs"]


def test_a_missing_manifest_is_refused(fetch, bucket):
    with bucket.changed({"manifest.sha256": None}):
        assert fetch.fails() == (
            f"{bucket.name}/{KEY} has no manifest.sha256: "
            "publish it beside the files, as sha256sum writes it"
        )


def test_a_version_without_a_saved_model_is_refused(fetch, bucket):
    manifest = (SOURCE / "manifest.sha256").read_text().splitlines(keepends=True)
    listed = "".join(line for line in manifest if "saved_model.pb" not in line)
    with bucket.changed({"saved_model.pb": None, "manifest.sha256": listed.encode()}):
        assert fetch.fails() == (
            f"{bucket.name}/{KEY} has no saved_model.pb: "
            "publish a SavedModel, with all its files in manifest.sha256"
        )


def test_a_version_that_is_not_there_is_told(fetch, bucket):
    assert fetch.fails(KEY="models/half-plus-two/2") == (
        f"{bucket.name}/models/half-plus-two/2 is not there: "
        "publish this version, or set one that is published"
    )


def test_a_bucket_that_is_not_there_is_told(fetch):
    assert fetch.fails(BUCKET="none-of-ours").startswith(f"none-of-ours/{KEY} is not there: ")


def test_what_may_not_be_read_is_told_with_what_the_store_said(fetch, bucket):
    with bucket.denied():
        done = fetch.run()

    assert done.returncode == 1
    assert "StatusCode: 403" in done.stderr
    assert done.stderr.splitlines()[-1] == (
        f"{bucket.name}/{KEY} cannot be read: "
        "see above why; if it is denied, let the service account read it"
    )


def test_a_store_that_does_not_answer_is_told(fetch):
    done = fetch.run(AWS_ENDPOINT_URL="http://127.0.0.1:1")

    assert done.returncode == 1
    assert "connection refused" in done.stderr
    assert f"{KEY} cannot be read: " in done.stderr.splitlines()[-1]


def test_a_second_attempt_does_not_trust_what_the_first_left(fetch, bucket):
    with bucket.changed({"saved_model.pb": flipped("saved_model.pb"), "extra/file": b""}):
        fetch.fails()
    assert fetch.run().returncode == 0

    # An aborted copy, and damage that neither size nor time tells.
    damaged = fetch.version / "saved_model.pb"
    time = damaged.stat().st_mtime_ns
    damaged.write_bytes(flipped("saved_model.pb"))
    os.utime(damaged, ns=(time, time))
    (fetch.version / "fingerprint.pb.1a2b3c4d.partial").write_bytes(b"half")

    assert fetch.run().returncode == 0
    assert content(fetch.version) == content(SOURCE)
