"""The emulator: what it has answered is there after it was killed."""

import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from sandbox.emulator import NAME, Emulator
from sandbox.emulator.state import EmulatorState
from sandbox.layout import Layout
from sandbox.processes import Processes, tail


class Running:
    """An emulator, and clients of it."""

    def __init__(self, layout: Layout, processes: Processes) -> None:
        self.layout = layout
        self.processes = processes
        self.emulator = Emulator(layout, processes)
        self.emulator.start()

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.emulator.url,
            region_name="us-west-2",
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )

    def kill(self) -> None:
        os.kill(self.processes.require_alive(NAME).pid, 9)
        while self.processes.running(NAME):
            time.sleep(0.01)

    def kill_and_start(self) -> None:
        self.kill()
        self.emulator.start()


@pytest.fixture
def running(layout: Layout, processes: Processes) -> Iterator[Running]:
    return Running(layout, processes)


def make_bucket(running: Running) -> None:
    where = {"LocationConstraint": "us-west-2"}
    running.client("s3").create_bucket(Bucket="models", CreateBucketConfiguration=where)


def put(running: Running, key: str, content: bytes) -> None:
    running.client("s3").put_object(Bucket="models", Key=key, Body=content)


def got(running: Running, key: str) -> bytes:
    return running.client("s3").get_object(Bucket="models", Key=key)["Body"].read()


def test_what_was_answered_is_there_after_a_kill(running):
    make_bucket(running)
    put(running, "mine", b"\x00 content")
    vpc = running.client("ec2").create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    sqs = running.client("sqs")
    queue = sqs.create_queue(QueueName="notices")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="gone soon")
    life = running.emulator.life

    running.kill_and_start()

    assert got(running, "mine") == b"\x00 content"
    with pytest.raises(running.client("s3").exceptions.BucketAlreadyOwnedByYou):
        make_bucket(running)
    assert running.client("ec2").describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["CidrBlock"] == (
        "10.1.0.0/16"
    )
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert message["Body"] == "gone soon"
    assert running.emulator.life == life


def test_what_another_version_wrote_is_told_and_nothing_of_it_is_taken_up(running):
    make_bucket(running)
    put(running, "mine", b"content")
    life = running.emulator.life
    running.kill()
    file = running.layout.state / "emulator" / "other"
    file.write_bytes(file.read_bytes().replace(b"moto 5", b"moto 4", 1))

    running.emulator.start()

    assert running.emulator.life != life
    assert running.client("s3").list_buckets()["Buckets"] == []
    said = "\n".join(tail(running.processes.log(NAME)))
    assert "starting with nothing: ValueError: other was written by another version" in said


@pytest.mark.parametrize("file", ["s3", "other"])
@pytest.mark.parametrize("left", [0, 5, 15, -1])
def test_what_is_cut_cannot_be_read(tmp_path, file, left):
    def load() -> str:
        EmulatorState(tmp_path).load()
        return (tmp_path / "life").read_text()

    life = load()
    assert load() == life

    (tmp_path / file).write_bytes((tmp_path / file).read_bytes()[:left])
    assert load() != life


def test_what_is_half_written_when_it_is_killed_is_removed_by_the_next(tmp_path):
    (tmp_path / ".s3.1").write_bytes(b"half")
    EmulatorState(tmp_path).load()
    assert {path.name for path in tmp_path.iterdir()} == {"life", "s3", "other"}


def test_the_tags_that_a_bucket_is_made_with_are_its_tags(running):
    s3 = running.client("s3")
    for tags in ([], [{"Key": "a", "Value": "1"}], [{"Key": k, "Value": "2"} for k in "bc"]):
        name = f"bucket-{len(tags)}"
        made = {"LocationConstraint": "us-west-2", **({"Tags": tags} if tags else {})}
        s3.create_bucket(Bucket=name, CreateBucketConfiguration=made)
        if tags:
            assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == tags
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == tags


def test_reading_writes_nothing(running):
    make_bucket(running)
    put(running, "mine", b"content")
    queue = running.client("sqs").create_queue(QueueName="notices")["QueueUrl"]
    files = [running.layout.state / "emulator" / name for name in ("s3", "other")]
    before = [file.stat().st_ino for file in files]

    got(running, "mine")
    running.client("s3").list_objects_v2(Bucket="models")
    running.client("ec2").describe_instances()
    running.client("autoscaling").describe_auto_scaling_groups()
    running.client("sqs").receive_message(QueueUrl=queue)
    running.client("cloudwatch").list_metrics()

    assert [file.stat().st_ino for file in files] == before


def test_one_who_waits_for_a_message_keeps_nobody_waiting(running):
    make_bucket(running)
    sqs = running.client("sqs")
    queue = sqs.create_queue(QueueName="notices")["QueueUrl"]
    received: list[str] = []

    def receive() -> None:
        found = running.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=20)
        received.extend(message["Body"] for message in found["Messages"])

    waiting = threading.Thread(target=receive)
    waiting.start()
    began = time.monotonic()
    for number in range(20):
        put(running, str(number), b"")
    sqs.send_message(QueueUrl=queue, MessageBody="now")
    waiting.join()

    assert received == ["now"]
    assert time.monotonic() - began < 15
