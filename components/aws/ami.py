"""Pinned releases of the EKS-optimised AMI."""

import re
from dataclasses import dataclass
from typing import Self

_RELEASE = re.compile(r"(?P<minor>\d+\.\d+)\.\d+-(?P<date>\d{8})", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class AmiRelease:
    """A release of the Amazon Linux 2023 AMI, as EKS names it: 1.35.2-20260724."""

    text: str
    kubernetes_version: str
    date: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the release, or raise ValueError."""
        if (match := _RELEASE.fullmatch(text)) is None:
            raise ValueError(f"{text} is no AMI release such as 1.35.2-20260724")
        return cls(text=text, kubernetes_version=match["minor"], date=match["date"])

    @property
    def image_id(self) -> str:
        """What a launch template takes for an image: resolved at launch, but always to the same."""
        minor = self.kubernetes_version
        # https://docs.aws.amazon.com/eks/latest/userguide/retrieve-ami-id.html
        return (
            f"resolve:ssm:/aws/service/eks/optimized-ami/{minor}/amazon-linux-2023/x86_64/standard/"
            f"amazon-eks-node-al2023-x86_64-standard-{minor}-v{self.date}/image_id"
        )
