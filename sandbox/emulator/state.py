"""The emulator's memory on disk: what a process held that was killed, the next one takes up."""

import copyreg
import pickle
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from moto import backends
from moto.core.base_backend import BackendDict
from moto.s3.models import s3_backends

from sandbox.emulator import LIFE
from sandbox.processes import write_atomically

_backends = cast("Callable[[str], Any]", backends.get_backend)
# Those that were asked for anything, which moto tells in no other way.
_in_use: list[Any] = vars(BackendDict)["_instances"]

_OBJECTS = "s3"
_OTHER = "other"
_FORMAT = f"1, moto {version('moto')}\n".encode()
"""What a file begins with: pickles of classes that were different then may fail long afterwards."""

# Requests wait for messages in a process; none waits in a file.
copyreg.pickle(threading.Condition, lambda _: (threading.Condition, ()))


class EmulatorState:
    """What moto's services hold, in two files: that of the buckets may be large.

    All others are in one, as they refer to one another: a group to its instances.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self) -> None:
        """Take up what was held, or begin a new life where that cannot be read."""
        for half_written in self._folder.glob(".*"):
            half_written.unlink()
        try:
            held = {**self._read(_OBJECTS), **self._read(_OTHER)}
        except Exception as error:  # a broken pickle may raise anything
            print(f"starting with nothing: {type(error).__name__}: {error}", flush=True)
            write_atomically(self._folder / LIFE, uuid4().hex)
            for service in (_OBJECTS, _OTHER):
                self.save(service)
        else:
            for (service, account, region), backend in held.items():
                _backends(service)[account][region] = backend
                if service == _OBJECTS:
                    places = dict.fromkeys(backend.buckets, (region, account))
                    s3_backends.bucket_accounts.update(places)

    def save(self, service: str) -> None:
        """Write what a service holds: whatever happens, the file is as it was before or is now."""
        file = _OBJECTS if service == _OBJECTS else _OTHER
        held = {
            (each.service_name, account, region): backend
            for each in _in_use
            for account, region, backend in each.iter_backends()
            if (each.service_name == _OBJECTS) == (file == _OBJECTS)
        }
        content = pickle.dumps(held, pickle.HIGHEST_PROTOCOL)
        write_atomically(self._folder / file, _FORMAT + content)

    def _read(self, file: str) -> Mapping[tuple[str, str, str], Any]:
        content = (self._folder / file).read_bytes()
        if not content.startswith(_FORMAT):
            raise ValueError(f"{file} was written by another version")
        return pickle.loads(content.removeprefix(_FORMAT))
