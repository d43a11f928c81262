"""What the server says of its own failures: on standard error, with the request that they befell.

Messages of errors hold data of payloads, so that an error is told by its kind, its code and its place alone.
"""

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any
from uuid import uuid4

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from usertrack.server.http.api_errors import ApiError

HEADER = "X-Request-Id"
_LOGGERS = ("usertrack.server", "uvicorn", "asyncio")
_CODE = re.compile(r"\ACode: \d+\..*\(([A-Z][A-Z0-9_]+)\)\s*\Z", re.S)  # as ClickHouse ends its messages
_SCOPE: ContextVar[Scope | None] = ContextVar("scope", default=None)

log = logging.getLogger(__name__)


class Requests:
    """Gives each request an id, which its answer has in a header, and answers what nobody else did with a 500."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["request_id"] = uuid4().hex
        begun = False

        async def send_with_id(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                MutableHeaders(scope=message)[HEADER] = scope["request_id"]
            await send(message)

        reset = _SCOPE.set(scope)
        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            log.exception("a request failed")
            if not begun:
                await ApiError(500, "error", "A server error occurred.").response()(scope, receive, send_with_id)
        finally:
            _SCOPE.reset(reset)


def to_stderr(format_: str) -> None:
    """From now on, what goes wrong is said on standard error: as ``text``, or as ``json``, one object a line."""
    logging.raiseExceptions = False  # a line that cannot be written would be told with all that it holds
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if format_ == "json" else _Text())
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.WARNING)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(_told(record))


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        told = _told(record)
        request = f" [{told['request_id']}] {told['method']} {told['path']}:" if "request_id" in told else ""
        error = f": {told['error']}" if "error" in told else ""
        trace = "".join(f"\n    {place}" for place in told.get("trace", ()))
        return f"{told['time']} {told['level']}{request} {told['message']}{error}{trace}"


def _told(record: logging.LogRecord) -> dict[str, Any]:
    moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    told: dict[str, Any] = {"time": moment.replace("+00:00", "Z"), "level": record.levelname.lower()}
    if scope := _SCOPE.get():
        told |= {"request_id": scope["request_id"], "method": scope["method"], "path": _path(scope)}
    told |= {"logger": record.name, "message": record.getMessage().partition("\n")[0]}
    if record.exc_info and record.exc_info[1]:
        told |= {"error": described(record.exc_info[1]), "trace": list(_places(record.exc_info[2]))}
    return told


def _path(scope: Scope) -> str:
    """The path without what somebody put into it: ids, tokens."""
    path = str(scope["path"])
    for name, value in scope.get("path_params", {}).items():
        path = path.replace(f"/{value}", f"/{{{name}}}", 1)
    return path


def described(error: BaseException) -> str:
    """The kind of an error and its code; never its message."""
    codes = [error.strerror or ""] if isinstance(error, OSError) else _CODE.findall(str(error))
    return " ".join([type(error).__name__, *codes]).strip()


def _places(trace: TracebackType | None) -> Iterator[str]:
    for frame, line in traceback.walk_tb(trace):
        yield f"{frame.f_globals.get('__name__')}:{line} {frame.f_code.co_name}"
