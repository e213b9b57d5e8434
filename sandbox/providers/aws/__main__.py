"""The plugin process of the aws provider."""

from sandbox.providers.aws import Aws
from sandbox.providers.servicer import serve

serve(Aws())
