"""The emulator's process: moto's server, whose answers tell of what is on disk already."""

import argparse
import io
import json
import re
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree

from moto.core.common_models import BaseModel
from moto.ec2.models.launch_templates import LaunchTemplateVersion
from moto.ec2.utils import parse_user_data
from moto.events.models import EventPattern
from moto.events.responses import EventsHandler
from moto.moto_server.werkzeug_app import (  # pyright: ignore[reportMissingTypeStubs] - untyped
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.s3.responses import S3Response
from moto.sqs.models import Queue
from werkzeug.serving import run_simple

from sandbox.emulator import groups as emulator_groups
from sandbox.emulator.state import EmulatorState

_SERVICE = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/")
_READS = ("Describe", "Get", "Head", "List", "Receive")
_FORM = "application/x-www-form-urlencoded"
_HANDLES = 100
"""So many messages of a queue may be deleted a second time without a fault."""


_PUT_BUCKET = "_bucket_response_put"

_turn = threading.Lock()
_wait_for_messages = Queue.wait_for_messages
_delete_message = Queue.delete_message
_put_untagged = vars(S3Response)[_PUT_BUCKET]


class Server:
    """Moto, asked one thing at a time, with its state written before a change is answered."""

    def __init__(self, state: EmulatorState) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._state = state

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        service, operation = _asked(environ)
        with _turn:
            if emulator_groups.end_overdue():
                self._state.save("autoscaling")
            answer = self._moto(environ, start_response)
            if not operation.startswith(_READS):
                self._state.save(service)
        return answer


def _asked(environ: dict[str, Any]) -> tuple[str, str]:
    """Return the service and the operation; where the protocol names none, the method's name."""
    signed = _SERVICE.search(environ.get("HTTP_AUTHORIZATION", ""))
    service = signed[1] if signed else "s3"
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return service, target.rpartition(".")[2]
    if "HTTP_SMITHY_PROTOCOL" in environ:
        return service, environ["PATH_INFO"].rpartition("/")[2]
    if environ.get("CONTENT_TYPE", "").startswith(_FORM):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        if action := parse_qs(body.decode()).get("Action"):
            return service, action[0]
    return service, environ["REQUEST_METHOD"].title()


def _mend() -> None:
    emulator_groups.install()
    Queue.wait_for_messages = _wait_out_of_turn
    Queue.delete_message = _forget_message
    setattr(S3Response, _PUT_BUCKET, _put_bucket)
    setattr(EventsHandler, "test_event_pattern", _test_event_pattern)  # noqa: B010 - it is typed
    setattr(LaunchTemplateVersion, "user_data", property(_user_data))  # noqa: B010 - it is typed
    setattr(BaseModel, "__new__", _untracked)  # noqa: B010 - it is typed


def _wait_out_of_turn(self: Queue, timeout: int) -> None:
    _turn.release()
    try:
        _wait_for_messages(self, timeout)
    finally:
        _turn.acquire()


def _forget_message(self: Queue, receipt_handle: str) -> None:
    # Moto keeps the handles of all messages that ever were.
    if len(self.deleted_messages) > _HANDLES:
        self.deleted_messages.clear()
    _delete_message(self, receipt_handle)


def _put_bucket(asked: Any, request: Any, bucket: str, settings: Any) -> Any:
    # Moto leaves out the tags that a bucket is made with.
    answer = _put_untagged(asked, request, bucket, settings)
    if asked.body and not settings:
        tags = ElementTree.fromstring(asked.body).iterfind(".//{*}Tag")
        given = {tag.findtext("{*}Key"): tag.findtext("{*}Value") for tag in tags}
        asked.backend.put_bucket_tagging(bucket, given)
    return answer


def _test_event_pattern(asked: Any) -> str:
    # Moto answers that with nothing.
    pattern, event = (asked._get_param(name) for name in ("EventPattern", "Event"))
    return json.dumps({"Result": EventPattern.load(pattern).matches_event(json.loads(event))})


def _untracked(cls: type[object], *_: Any, **__: Any) -> object:
    # Moto keeps each object that ever was, to list them: messages and overwritten files too.
    return object.__new__(cls)


def _user_data(version: LaunchTemplateVersion) -> object:
    # Moto 5.2.5 decodes that of a template's first version only; starting an instance from a later
    # one then fails on an assertion.
    held = version.data.get("UserData")
    return parse_user_data(held) if isinstance(held, str) else held


def main() -> None:
    """Serve one clone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    given = parser.parse_args()
    _mend()
    state = EmulatorState(given.state)
    state.load()
    run_simple(
        "127.0.0.1",
        given.port,
        Server(state),
        threaded=True,
        request_handler=MotoRequestHandler,
    )


if __name__ == "__main__":
    main()
