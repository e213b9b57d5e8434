"""What the gcp provider hands to the storage emulator: made, read, adopted."""

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.emulator.storage import NAME, StorageEmulator
from sandbox.layout import MARKER, Layout
from sandbox.processes import Processes
from sandbox.providers.gcp import Gcp
from sandbox.providers.gcp.project import Project
from sandbox.providers.plugin import Refused, Request
from sandbox.tests.engine_requests import Requests

BUCKET = "gcp:storage/bucket:Bucket"
MEMBER = "gcp:storage/bucketIAMMember:BucketIAMMember"
OBJECT = "gcp:storage/bucketObject:BucketObject"
RULE = {"action": {"type": "Delete"}, "condition": {"daysSinceNoncurrentTime": 90}}


class Running:
    """A storage emulator in a folder of its own."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.processes = Processes(layout)
        self.emulator = StorageEmulator(layout, self.processes)
        self.emulator.start()

    def kill_and_start(self) -> None:
        os.kill(self.processes.require_alive(NAME).pid, 9)
        while self.processes.running(NAME):
            time.sleep(0.01)
        self.emulator.start()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    layout = Layout(tmp_path_factory.mktemp("clone"))
    processes = Processes(layout)
    try:
        running = Running(layout)
        with pytest.MonkeyPatch.context() as patch:
            own = {**running.emulator.environment, MARKER: str(layout.state)}
            for name, value in own.items():
                patch.setenv(name, value)
            yield running
    finally:
        processes.end_all()


class Cloud(Requests):
    """A gcp provider as the engine uses it, one resource after another."""

    def __init__(self) -> None:
        super().__init__(Gcp())
        self.provider.configure({"project": "my-project"})
        self.project = Project("my-project", "", "", "dev")

    @property
    def storage(self) -> Any:
        return self.project.storage()

    def bucket(self, name: str, **inputs: Any) -> Request:
        return self.make(BUCKET, name, {"name": name, "location": "US-CENTRAL1", **inputs})[0]

    def object(self, bucket: str, name: str, content: str = "content") -> Request:
        inputs = {"bucket": bucket, "name": name, "content": content}
        return self.make(OBJECT, name, inputs)[0]

    def member(self, bucket: str, title: str) -> Request:
        inputs = {
            "bucket": bucket,
            "role": "roles/storage.objectViewer",
            "member": "serviceAccount:reader@my-project.iam.gserviceaccount.com",
            "condition": {"title": title, "expression": "true"},
        }
        return self.make(MEMBER, title, inputs)[0]


@pytest.fixture
def cloud(running: Running) -> Cloud:
    del running
    return Cloud()


def read_again(cloud: Cloud, made: Request) -> Any:
    live = cloud.read(made)
    assert live is not None
    return live


def test_a_bucket_is_as_it_was_asked_for(cloud):
    made = cloud.bucket(
        "settings",
        labels={"app": "tfserving"},
        uniformBucketLevelAccess=True,
        publicAccessPrevention="enforced",
        versioning={"enabled": True},
        lifecycleRules=[RULE],
        softDeletePolicy={"retentionDurationSeconds": 0},
        storageClass="NEARLINE",
    )

    bucket = cloud.storage.get_bucket("settings")
    assert bucket.location == "US-CENTRAL1"
    assert bucket.versioning_enabled
    assert bucket.iam_configuration.public_access_prevention == "enforced"
    assert list(bucket.lifecycle_rules) == [RULE]
    live = read_again(cloud, made)
    assert live.inputs == made.inputs
    assert live.outputs == made.old_outputs
    assert live.outputs["url"] == "gs://settings"
    assert live.outputs["labels"] == {"app": "tfserving"}


def test_rules_of_a_bucket_are_spelt_as_they_were_given(cloud):
    condition = {"matchesPrefixes": ["models/"], "age": 3, "withState": "ARCHIVED"}
    rules = [{"action": {"type": "Delete"}, "condition": condition}]
    made = cloud.bucket("rules", lifecycleRules=rules)

    (held,) = cloud.storage.get_bucket("rules").lifecycle_rules

    assert held["condition"] == {"matchesPrefix": ["models/"], "age": 3, "isLive": False}
    assert read_again(cloud, made).outputs["lifecycleRules"] == rules


def test_a_bucket_changes_in_place_and_what_is_no_longer_asked_for_goes(cloud):
    made = cloud.bucket("changed", labels={"a": "1", "b": "2"}, versioning={"enabled": True})

    owner = cloud.storage.get_bucket("changed").labels["sandbox-owner"]

    outputs = cloud.change(made, labels={"b": "3"}, versioning={"enabled": False})

    assert outputs["labels"] == {"b": "3"}
    assert outputs["versioning"] == {"enabled": False}
    assert cloud.storage.get_bucket("changed").labels == {"b": "3", "sandbox-owner": owner}


def test_a_change_made_behind_the_programs_back_is_read(cloud):
    made = cloud.bucket("drifted", versioning={"enabled": True})
    bucket = cloud.storage.get_bucket("drifted")
    bucket.versioning_enabled = False
    bucket.patch()

    assert read_again(cloud, made).inputs["versioning"] == {"enabled": False}


def test_a_bucket_that_is_there_already_is_refused_to_another(cloud):
    cloud.bucket("taken")
    wished = cloud.checked(BUCKET, "other", {"name": "taken", "location": "EU"})

    with pytest.raises(Refused, match=r"Bucket \(other\): 409 .*You already own this bucket"):
        cloud.provider.create(wished)


def test_a_bucket_with_objects_is_deleted_only_by_force(cloud):
    made = cloud.bucket("full")
    forced = cloud.bucket("forced", forceDestroy=True)
    for bucket in (made, forced):
        cloud.object(bucket.id, "models/half/1/saved_model.pb")

    with pytest.raises(Refused, match="bucket full is not empty"):
        cloud.provider.delete(made)
    cloud.provider.delete(forced)

    assert cloud.read(made) is not None
    assert cloud.read(forced) is None


def test_an_object_is_uploaded_changed_and_deleted(cloud):
    bucket = cloud.bucket("objects")
    made = cloud.object(bucket.id, "models/half/1/saved_model.pb", "first")
    before = made.old_outputs

    after = cloud.change(made, content="second")

    blob = cloud.storage.bucket("objects").blob("models/half/1/saved_model.pb")
    assert blob.download_as_bytes() == b"second"
    assert before["md5hash"] != after["md5hash"]
    assert after["outputName"] == "models/half/1/saved_model.pb"
    cloud.provider.delete(made)
    assert cloud.read(made) is None


def test_an_object_has_the_content_of_a_file_and_its_metadata(cloud, tmp_path):
    file = tmp_path / "saved_model.pb"
    file.write_bytes(b"\x00\xff")
    asset = {"4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17"}
    source = {**asset, "path": str(file), "hash": "h"}
    bucket = cloud.bucket("files")
    inputs = {"bucket": bucket.id, "name": "a", "source": source, "metadata": {"sha256": "0"}}

    cloud.make(OBJECT, "a", inputs)

    blob = cloud.storage.bucket("files").get_blob("a")
    assert blob.download_as_bytes() == b"\x00\xff"
    assert blob.metadata == {"sha256": "0"}


def test_members_of_one_role_come_and_go_each_by_itself(cloud):
    bucket = cloud.bucket("granted")
    first, second = (cloud.member(bucket.id, title) for title in ("first", "second"))

    assert read_again(cloud, second).inputs == second.inputs
    cloud.provider.delete(first)

    assert cloud.read(first) is None
    assert read_again(cloud, second).outputs == second.old_outputs


def test_a_grant_that_is_made_again_is_there_once(cloud):
    bucket = cloud.bucket("granted-again")
    cloud.member(bucket.id, "reader")
    cloud.member(bucket.id, "reader")

    policy = cloud.storage.bucket("granted-again").get_iam_policy(requested_policy_version=3)

    assert len(policy.bindings) == 1


def test_what_was_made_before_a_crash_is_adopted_by_its_name_and_not_made_again(cloud):
    given = {"location": "us-central1"}
    made, _ = cloud.make(BUCKET, "adopted", given)
    again, _ = cloud.provider.check(made.urn, {}, given, b"another seed")

    identifier, outputs = cloud.provider.create(Request(urn=made.urn, inputs=again))

    assert again["name"] != made.inputs["name"]
    assert identifier == made.id
    assert outputs["name"] == made.inputs["name"]


@pytest.mark.parametrize("kind", ["bucket", "object", "member"])
def test_what_was_deleted_is_gone_and_may_be_deleted_again(cloud, kind):
    bucket = cloud.bucket(f"deleted-{kind}")
    match kind:
        case "bucket":
            made = bucket
        case "object":
            made = cloud.object(bucket.id, "a")
        case _:
            made = cloud.member(bucket.id, "reader")

    cloud.provider.delete(made)

    assert cloud.read(made) is None
    cloud.provider.delete(made)


@pytest.mark.parametrize("kind", ["object", "member"])
def test_what_was_in_a_bucket_is_gone_with_it(cloud, kind):
    bucket = cloud.bucket(f"lost-{kind}", forceDestroy=True)
    made = cloud.object(bucket.id, "a") if kind == "object" else cloud.member(bucket.id, "reader")

    cloud.provider.delete(bucket)

    assert cloud.read(made) is None
    cloud.provider.delete(made)


def test_what_was_answered_is_there_after_a_kill(cloud, running):
    made = cloud.bucket("killed", versioning={"enabled": True})
    stored = cloud.object(made.id, "models/half/1/saved_model.pb", "\x00 content")
    granted = cloud.member(made.id, "reader")

    running.kill_and_start()

    for each in (made, stored, granted):
        assert read_again(cloud, each).outputs == each.old_outputs
    blob = cloud.storage.bucket("killed").blob("models/half/1/saved_model.pb")
    assert blob.download_as_bytes() == b"\x00 content"


def test_an_emulator_that_is_gone_is_told_at_once(cloud, monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")
    wished = cloud.checked(BUCKET, "unreachable", {"location": "EU"})

    began = time.monotonic()
    with pytest.raises(Refused, match=r"Bucket \(unreachable\): .*refused"):
        cloud.provider.create(wished)

    assert time.monotonic() - began < 5


def test_nobody_asks_the_emulator_to_forget_everything(cloud, running):
    cloud.bucket("kept")

    answer = cloud.storage._http.get(f"{running.emulator.url}/wipe")

    assert answer.status_code == 404
    assert cloud.storage.lookup_bucket("kept") is not None
