"""Models in a bucket, whichever cloud's: the stack's own, or that of the platform it shares."""

from dataclasses import dataclass
from typing import ClassVar

import pulumi


@dataclass(frozen=True, kw_only=True)
class BucketModels:
    """Where models are: in all of a bucket, or below a folder of it."""

    scheme: ClassVar[str]

    bucket_name: pulumi.Input[str]
    folder: str = ""
    """A path that ends with a slash."""
    owner: pulumi.Resource | None = None
    """The bucket, if it is this stack's."""

    @property
    def uri(self) -> pulumi.Output[str]:
        """The bucket, with its scheme, and the folder in it."""
        return pulumi.Output.format(f"{self.scheme}://{{0}}", self.place)

    @property
    def place(self) -> pulumi.Output[str]:
        """The same without a scheme, as a fetcher is told of it."""
        folder = f"/{self.folder}".rstrip("/")
        return pulumi.Output.from_input(self.bucket_name).apply(lambda name: f"{name}{folder}")
