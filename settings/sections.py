"""The shapes of a stack file's sections."""

from collections.abc import Mapping

from pydantic import TypeAdapter

from components.kubernetes.serving_namespace import ServingNamespaceSpec
from settings.models import ModelSettings
from settings.names import DnsLabel
from settings.platform import PlatformSettings

PLATFORM: TypeAdapter[PlatformSettings] = TypeAdapter(PlatformSettings)
MODELS = TypeAdapter(Mapping[DnsLabel, ModelSettings])
NAMESPACES = TypeAdapter(Mapping[DnsLabel, ServingNamespaceSpec])
