"""The init container of a pod on GKE, run as it is against the storage emulator's bucket."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from components.kubernetes.model_fetch import ModelRemote, fetch_container
from sandbox import toolchain
from sandbox.emulator.storage import StorageEmulator
from sandbox.kubernetes_api import Object
from sandbox.layout import Layout
from sandbox.processes import Processes
from sandbox.providers.gcp.project import Project
from stacks.gcs_models import REMOTE
from tests.sandbox.init_containers import KEY, SOURCE, Fetch, content, flipped

BUCKET = "my-project-bucket"
CHANGES: dict[str, tuple[Mapping[str, bytes | None], str]] = {
    "a flipped bit": (
        {"saved_model.pb": flipped("saved_model.pb")},
        "is not what its manifest.sha256 says (saved_model.pb differs): "
        "publish this version again, whole",
    ),
    "a flipped bit further down": (
        {"variables/variables.index": flipped("variables/variables.index")},
        "is not what its manifest.sha256 says (variables/variables.index differs): "
        "publish this version again, whole",
    ),
    "a missing object": (
        {"variables/variables.index": None},
        "is not what its manifest.sha256 says (variables/variables.index is missing): "
        "publish this version again, whole",
    ),
    "an extra object": (
        {"assets/two words.txt": b"word"},
        "is not what its manifest.sha256 says (assets/two words.txt is extra): "
        "publish this version again, whole",
    ),
    "no manifest": (
        {"manifest.sha256": None},
        "has no manifest.sha256: publish it beside the files, as sha256sum writes it",
    ),
    "nothing at all": (
        dict.fromkeys(content(SOURCE)),
        "is not there: publish this version, or set one that is published",
    ),
}


class Bucket:
    """The bucket of the models, with the shipped version in it."""

    def __init__(self, project: Project) -> None:
        self._bucket = project.storage().create_bucket(BUCKET)
        self.publish()

    def publish(self) -> None:
        for blob in self._bucket.list_blobs():
            blob.delete()
        for name, data in content(SOURCE).items():
            self.put(name, data)

    def put(self, name: str, data: bytes | None) -> None:
        blob = self._bucket.blob(f"{KEY}/{name}")
        if data is None:
            blob.delete()
        else:
            blob.upload_from_string(data, content_type="application/octet-stream")


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageEmulator]:
    layout = Layout(tmp_path_factory.mktemp("storage"))
    processes = Processes(layout)
    try:
        emulator = StorageEmulator(layout, processes)
        emulator.start()
        yield emulator
    finally:
        processes.end_all()


@pytest.fixture(scope="module")
def whole(emulator: StorageEmulator) -> Bucket:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", emulator.url)
        return Bucket(Project("my-project", "", "", "gke"))


@pytest.fixture
def bucket(whole: Bucket) -> Iterator[Bucket]:
    """The bucket, which is as it was after each test."""
    yield whole
    whole.publish()


@pytest.fixture(scope="module")
def remote() -> ModelRemote:
    """The options that a stack on GKE has, whatever is its bucket."""
    return ModelRemote(bucket=BUCKET, options=REMOTE)


@pytest.fixture
def fetch(remote: ModelRemote, emulator: StorageEmulator, tmp_path: Path) -> Fetch:
    given = cast(
        "dict[str, Any]",
        fetch_container(remote, KEY, target=f"/{KEY}", volume="models", mount="/models"),
    )
    mounts = [
        {"name": each["name"], "mountPath": each["mount_path"]} for each in given["volume_mounts"]
    ]
    pod: Object = {
        "spec": {
            "securityContext": {"runAsUser": 65534},
            "initContainers": [{**given, "volumeMounts": mounts}],
        }
    }
    rclone = toolchain.ensure_one(Layout.of_this_clone(), "rclone")
    # On GKE the metadata server says who one is, of which there is none here.
    account = {
        "RCLONE_CONFIG_MODELS_ENDPOINT": f"{emulator.url}/storage/v1/",
        "RCLONE_CONFIG_MODELS_ANONYMOUS": "true",
    }
    return Fetch(pod, tmp_path, rclone, account)


def test_a_sound_version_arrives_where_the_server_reads_it(fetch, bucket):
    done = fetch.run()

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert content(fetch.version) == content(SOURCE)


@pytest.mark.parametrize("change", CHANGES)
def test_a_version_that_is_not_sound_is_refused_with_what_is_wrong(fetch, bucket, change):
    files, sentence = CHANGES[change]
    for name, data in files.items():
        bucket.put(name, data)

    assert fetch.fails() == f"{BUCKET}/{KEY} {sentence}"


def test_a_second_attempt_does_not_trust_what_the_first_left(fetch, bucket):
    bucket.put("saved_model.pb", flipped("saved_model.pb"))
    bucket.put("extra/file", b"")
    fetch.fails()
    bucket.publish()

    assert fetch.run().returncode == 0
    assert content(fetch.version) == content(SOURCE)


def test_a_bucket_that_is_not_there_is_told(fetch, bucket):
    sentence = fetch.fails(BUCKET="none-of-ours")

    assert sentence.startswith(f"none-of-ours/{KEY} is not there: ")


def test_a_version_in_a_folder_of_the_bucket_is_found(fetch, bucket):
    done = fetch.run(BUCKET=f"{BUCKET}/models", KEY="half-plus-two/1")

    assert done.returncode == 0
    assert content(fetch.version) == content(SOURCE)


def test_a_store_that_does_not_answer_is_told(fetch, bucket):
    done = fetch.run(RCLONE_CONFIG_MODELS_ENDPOINT="http://127.0.0.1:1/storage/v1/")

    assert done.returncode == 1
    assert "connection refused" in done.stderr
    assert f"{KEY} cannot be read: " in done.stderr.splitlines()[-1]


def test_without_an_identity_it_says_so(fetch, bucket):
    # Not found is what there is no answer for: no file, and no metadata server.
    done = fetch.run(
        RCLONE_CONFIG_MODELS_ANONYMOUS="false",
        GOOGLE_APPLICATION_CREDENTIALS="/dev/null",
    )

    assert done.returncode == 1
    assert "failed to configure Google Cloud Storage" in done.stderr
    assert "let the service account read it" in done.stderr.splitlines()[-1]
