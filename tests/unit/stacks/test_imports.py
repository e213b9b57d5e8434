"""What a program imports before it knows its platform: a service's SDK takes seconds to import."""

import subprocess
import sys

_LOADED = """
import sys
import stacks
clouds = ("pulumi_aws.", "pulumi_gcp.")
print(*(name for name in sys.modules if name.startswith(clouds) and name.endswith("._inputs")))
"""


def test_no_clouds_services_are_imported_before_a_stack_asks_for_one():
    ran = subprocess.run(
        [sys.executable, "-c", _LOADED], capture_output=True, text=True, check=True, timeout=120
    )

    assert {*ran.stdout.split()} == {"pulumi_aws._inputs", "pulumi_gcp._inputs"}  # of providers
