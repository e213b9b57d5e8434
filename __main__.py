"""Deploy what the selected Pulumi.<stack>.yaml describes."""

import pulumi

import settings
import stacks


async def _main() -> None:
    (await stacks.deploy(settings.load())).export()


pulumi.run(_main)
