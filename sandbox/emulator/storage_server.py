"""The storage emulator's process, whose answers tell of what is on disk already."""

import argparse
import threading
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from gcp_storage_emulator import server, storage  # pyright: ignore[reportMissingTypeStubs] - untyped
from gcp_storage_emulator.handlers import (  # pyright: ignore[reportMissingTypeStubs] - untyped
    buckets,
)

from sandbox.processes import write_atomically

_Handler = Callable[[Any, Any, Any], None]

_server, _buckets, _storage = cast(Any, server), cast(Any, buckets), cast(Any, storage)
_turn = threading.Lock()
_handle = _server.Router.handle


def _in_turn(router: Any, method: str) -> None:
    with _turn:
        _handle(router, method)


def _write(files: Any, name: str, content: bytes) -> None:
    # A kill in the midst of the index of all that there is would leave nothing.
    write_atomically(cast(Path, files._disk_path(name)), content)


def _insert_as_given(request: Any, response: Any, held: Any) -> None:
    # The emulator makes an empty bucket of it, without the label by which it is found again.
    name = request.data.get("name")
    if not name or held.get_bucket(name):
        _buckets.insert(request, response, held)
        return
    empty = _buckets._make_bucket_resource(name, held.project_number)
    made = _buckets._patch_bucket(empty, request.data)
    response.json(held.create_bucket(name, {**made, "metageneration": "1"}))


def _patch_labels(request: Any, response: Any, held: Any) -> None:
    # The emulator forgets labels that stay, and keeps the null of one that goes.
    bucket = held.get_bucket(request.params["bucket_name"])
    given = request.data.get("labels") if request.data else None
    if bucket is not None and given is not None:
        labels = {**bucket.get("labels", {}), **given}
        kept = {name: value for name, value in labels.items() if value is not None}
        request.data["labels"] = kept
    _buckets.patch(request, response, held)


def _refuse(_request: Any, response: Any, _held: Any) -> None:
    response.status = HTTPStatus.NOT_FOUND


def _mend() -> None:
    mended: Mapping[_Handler, _Handler] = {
        _buckets.insert: _insert_as_given,
        _buckets.patch: _patch_labels,
    }
    for pattern, handlers in _server.HANDLERS:
        for method, handler in handlers.items():
            handlers[method] = mended.get(handler, handler)
            if pattern == "^/wipe$":  # nobody asks for that here
                handlers[method] = _refuse
    _server.Router.handle = _in_turn
    _storage._FileStore.write_bytes = _write


def main() -> None:
    """Serve one clone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    given = parser.parse_args()
    _mend()
    held = _storage.Storage(data_dir=str(given.state.resolve()))
    # A thread for each: a client may open a connection long before it asks anything.
    address = ("127.0.0.1", given.port)
    ThreadingHTTPServer(address, partial(_server.RequestHandler, held)).serve_forever()


if __name__ == "__main__":
    main()
