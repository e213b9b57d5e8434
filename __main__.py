"""Deploy what the selected Pulumi.<stack>.yaml describes."""

import settings
import stacks

stacks.deploy(settings.load()).export()
