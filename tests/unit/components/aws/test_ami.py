"""AmiRelease: one text that both kinds of pools take their image from."""

import pytest

from components.aws.ami import AmiRelease


def test_a_release_gives_the_kubernetes_version_and_the_image():
    release = AmiRelease.parse("1.35.2-20260724")

    assert release.text == "1.35.2-20260724"
    assert release.kubernetes_version == "1.35"
    assert release.image_id == (
        "resolve:ssm:/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/"
        "amazon-eks-node-al2023-x86_64-standard-1.35-v20260724/image_id"
    )


@pytest.mark.parametrize(
    "text", ["recommended", "1.35", "1.35.2", "1.35-20260724", "20260724", "1.35.\uff12-20"]
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=f"{text} is no AMI release such as 1.35.2-20260724"):
        AmiRelease.parse(text)
