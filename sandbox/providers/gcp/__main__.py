"""The plugin process of the gcp provider."""

from sandbox.providers.gcp import Gcp
from sandbox.providers.servicer import serve

serve(Gcp())
