"""Text protos read back as the server would: by the definitions in tensorflow_serving.proto."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import grpc_tools
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, text_format
from google.protobuf.message_factory import GetMessageClass
from grpc_tools import protoc

_FILE = Path(__file__).with_name("tensorflow_serving.proto")
_WELL_KNOWN = Path(grpc_tools.__file__).with_name("_proto")


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    with tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder) / "descriptors"
        paths = [f"--proto_path={path}" for path in (_FILE.parent, _WELL_KNOWN)]
        out = f"--descriptor_set_out={compiled}"
        assert protoc.main(["", *paths, out, "--include_imports", _FILE.name]) == 0
        files = descriptor_pb2.FileDescriptorSet.FromString(compiled.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool


def parse(message: str, text: str) -> dict[str, Any]:
    """Return the fields of a text proto, or raise what the parser says against it."""
    kind = _pool().FindMessageTypeByName(f"tensorflow.serving.{message}")
    parsed = text_format.Parse(text, GetMessageClass(kind)())
    return json_format.MessageToDict(parsed, preserving_proto_field_name=True)
