"""The emulator's process: moto's server, with one fault of moto 5.2.5 mended.

Moto decodes the user data of a launch template's first version only; starting an instance from a
later one then fails on an assertion in `LaunchTemplateVersion.user_data`.
"""

from moto.ec2.models.launch_templates import LaunchTemplateVersion
from moto.ec2.utils import parse_user_data
from moto.server import main


def _user_data(version: LaunchTemplateVersion) -> object:
    held = version.data.get("UserData")
    return parse_user_data(held) if isinstance(held, str) else held


if __name__ == "__main__":
    setattr(LaunchTemplateVersion, "user_data", property(_user_data))  # noqa: B010 - it is typed
    main()
