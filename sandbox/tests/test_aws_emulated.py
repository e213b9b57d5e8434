"""What the aws provider makes in the emulator: adopted, deleted, refused; buckets and objects."""

from pathlib import Path

import pytest

from sandbox.providers.plugin import Refused, Request, Urn
from sandbox.tests.emulated_aws import LAUNCH_TEMPLATE, QUEUE, RULE, Cloud, node_group


@pytest.mark.parametrize("kind", ["group", "node group", "queue", "rule", "template", "bucket"])
def test_what_was_made_before_a_crash_is_adopted_by_its_name_and_not_made_again(cloud, kind):
    match kind:
        case "group":
            made = cloud.group("adopted")
        case "node group":
            made = node_group(cloud, "adopted")
        case "queue":
            made, _ = cloud.make(QUEUE, "adopted", {})
        case "rule":
            made, _ = cloud.make(RULE, "adopted", {"eventPattern": '{"source": ["aws.ec2"]}'})
        case "template":
            made, _ = cloud.make(LAUNCH_TEMPLATE, "adopted-too", {"imageId": "ami-1"})
        case _:
            made, _ = cloud.make("aws:s3/bucket:Bucket", "adopted", {})
    (name,) = made.inputs.get("__defaults", ["nodeGroupName"])
    inputs = {key: value for key, value in made.inputs.items() if key not in (name, "__defaults")}
    again, _ = cloud.provider.check(made.urn, {}, inputs, b"another seed")

    identifier, outputs = cloud.provider.create(Request(urn=made.urn, inputs=again))

    assert again[name] != made.inputs[name]
    assert identifier == made.id
    assert outputs[name] == made.inputs[name]


def test_a_part_has_one_name_so_that_a_crash_leaves_no_other(cloud):
    target = {"rule": "r", "arn": "arn:aws:sqs:us-west-2:123456789012:q"}
    hook = {
        "autoscalingGroupName": "g",
        "lifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
    }
    for token, inputs in (
        ("aws:cloudwatch/eventTarget:EventTarget", target),
        ("aws:autoscaling/lifecycleHook:LifecycleHook", hook),
    ):
        urn = Urn(f"urn:pulumi:dev::tests::{token}::part")
        first, again = (cloud.provider.check(urn, {}, inputs, seed)[0] for seed in (b"1", b"2"))
        assert first == again


def test_what_was_deleted_is_not_adopted_but_made_again(cloud):
    inputs = {"cidrBlock": "10.3.0.0/16"}
    made, _ = cloud.make("aws:ec2/vpc:Vpc", "again", inputs)
    cloud.provider.delete(made)

    again, _ = cloud.make("aws:ec2/vpc:Vpc", "again", inputs)

    assert again.id != made.id
    assert cloud.read(again) is not None


def test_a_replacement_is_not_taken_for_what_it_replaces(cloud):
    made, _ = cloud.make("aws:ec2/vpc:Vpc", "replaced", {"cidrBlock": "10.1.0.0/16"})
    other, _ = cloud.make("aws:ec2/vpc:Vpc", "replaced", {"cidrBlock": "10.2.0.0/16"})

    assert made.id != other.id


def test_a_refusal_of_the_emulator_names_the_resource(cloud):
    wished = cloud.checked(
        "aws:ec2/subnet:Subnet", "lost", {"vpcId": "vpc-0", "cidrBlock": "10.0.0.0/24"}
    )

    with pytest.raises(Refused, match=r"Subnet \(lost\): .*vpc-0"):
        cloud.provider.create(wished)


def bucket_with_object(cloud: Cloud, name: str) -> tuple[Request, Request]:
    bucket, _ = cloud.make("aws:s3/bucket:Bucket", name, {})
    cloud.make(
        "aws:s3/bucketVersioning:BucketVersioning",
        name,
        {"bucket": bucket.id, "versioningConfiguration": {"status": "Enabled"}},
    )
    held, _ = cloud.make(
        "aws:s3/bucketObjectv2:BucketObjectv2",
        name,
        {"bucket": bucket.id, "key": "a/b", "content": "one"},
    )
    return bucket, held


def test_an_object_holds_its_content_and_a_change_keeps_the_old_version(cloud):
    bucket, held = bucket_with_object(cloud, "kept")

    cloud.change(held, content="two")

    client = cloud.account.client("s3")
    versions = client.list_object_versions(Bucket=bucket.id)["Versions"]
    assert client.get_object(Bucket=bucket.id, Key="a/b")["Body"].read() == b"two"
    assert len(versions) == 2


def test_a_file_is_uploaded_as_it_is(cloud, tmp_path: Path):
    (tmp_path / "model").write_bytes(b"\x00\xff")
    bucket, _ = cloud.make("aws:s3/bucket:Bucket", "files", {})
    asset = {
        "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17",
        "path": str(tmp_path / "model"),
        "hash": "0",
    }

    cloud.make(
        "aws:s3/bucketObjectv2:BucketObjectv2",
        "file",
        {"bucket": bucket.id, "key": "model", "source": asset},
    )

    body = cloud.account.client("s3").get_object(Bucket=bucket.id, Key="model")["Body"]
    assert body.read() == b"\x00\xff"


def test_a_bucket_that_holds_something_is_not_deleted(cloud):
    bucket, held = bucket_with_object(cloud, "full")

    with pytest.raises(Refused, match="is not empty: delete its objects first"):
        cloud.provider.delete(bucket)
    cloud.provider.delete(held)
    cloud.provider.delete(bucket)

    assert cloud.read(bucket) is None
