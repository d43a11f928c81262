"""The log of the server's failures on standard error, each with the request in which it happened.

Error messages may hold data of people, so the log has only an error's class, its code and its place in the source.
"""

import json
import logging
import re
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import nullcontext
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO
from uuid import uuid4

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from usertrack.core.json_types import JsonObject
from usertrack.server.http.api_errors import ApiError

HEADER = "X-Request-Id"
_LOGGERS = ("usertrack.server", "uvicorn", "asyncio")
_CODE = re.compile(r"\ACode: \d+\..*\(([A-Z][A-Z0-9_]+)\)\s*\Z", re.S)  # as ClickHouse ends its messages
REPEATED_SECONDS = 60.0  # so that an error that every request meets neither fills the disk nor hides others
_MOST_MESSAGES = 200  # of a minute that are told apart by their values, which clients may choose
_SCOPE: ContextVar[Scope | None] = ContextVar("scope", default=None)

log = logging.getLogger(__name__)


class RequestLog:
    """Middleware: gives each request an id, returned in a header, and answers unhandled errors with 500."""

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
    """Log failures to standard error from now on: as ``text``, or as ``json``, one object a line."""
    logging.raiseExceptions = False  # logging would print a record that cannot be written with all its data
    handler = _OncePerMinute(sys.stderr)
    handler.setFormatter(_Json() if format_ == "json" else _Text())
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.WARNING)


class _OncePerMinute(logging.StreamHandler[TextIO]):
    """Writes a failure at once, and how often the same one was repeated after each minute in which it was."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._told: dict[tuple[object, ...], tuple[logging.LogRecord, int]] = {}  # in this minute, with its repeats

    def emit(self, record: logging.LogRecord) -> None:
        trace = tuple(_places(record.exc_info[2])) if record.exc_info else ()
        many = len(self._told) >= _MOST_MESSAGES
        failure = (record.name, record.levelno, str(record.msg) if many else _first_line(record), trace)
        if failure in self._told:
            first, repeats = self._told[failure]
            self._told[failure] = first, repeats + 1
            return
        super().emit(record)
        self._told[failure] = record, 0
        if len(self._told) == 1:
            self._begin_minute()

    def _begin_minute(self) -> None:
        timer = threading.Timer(REPEATED_SECONDS, self._sum_up)
        timer.daemon = True
        timer.start()

    def _sum_up(self) -> None:
        if self.stream.closed:  # whoever read it is gone
            return
        with self.lock or nullcontext():
            repeated = {failure: (record, repeats) for failure, (record, repeats) in self._told.items() if repeats}
            for record, repeats in repeated.values():
                summary = logging.makeLogRecord({**record.__dict__, "created": time.time(), "exc_info": None})
                summary.msg, summary.args = f"{_first_line(record)} ({repeats} more in a minute)", ()
                super().emit(summary)
            self._told = {failure: (record, 0) for failure, (record, _) in repeated.items()}
            if self._told:
                self._begin_minute()


def _first_line(record: logging.LogRecord) -> str:
    return record.getMessage().partition("\n")[0]


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(_fields(record))


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = _fields(record)
        request = f" [{fields['request_id']}] {fields['method']} {fields['path']}:" if "request_id" in fields else ""
        error = f": {fields['error']}" if "error" in fields else ""
        trace = "".join(f"\n    {place}" for place in fields.get("trace", ()))
        return f"{fields['time']} {fields['level']}{request} {fields['message']}{error}{trace}"


def _fields(record: logging.LogRecord) -> JsonObject:
    moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    fields: JsonObject = {"time": moment.replace("+00:00", "Z"), "level": record.levelname.lower()}
    if scope := _SCOPE.get():
        # the log has no values of a path's parameters, such as ids and tokens
        path = str(scope["path"])
        for name, value in scope.get("path_params", {}).items():
            path = path.replace(f"/{value}", f"/{{{name}}}", 1)
        fields |= {"request_id": scope["request_id"], "method": scope["method"], "path": path}
    fields |= {"logger": record.name, "message": _first_line(record)}
    if record.exc_info and record.exc_info[1]:
        fields |= {"error": described(record.exc_info[1]), "trace": list(_places(record.exc_info[2]))}
    return fields


def described(error: BaseException) -> str:
    """The class of an error and its code; never its message."""
    code = error.strerror or "" if isinstance(error, OSError) else error_code(error)
    return f"{type(error).__name__} {code}".strip()


def error_code(error: BaseException) -> str:
    """ClickHouse's name for an error; '' for others."""
    return "".join(_CODE.findall(str(error)))


def _places(trace: TracebackType | None) -> Iterator[str]:
    for frame, line in traceback.walk_tb(trace):
        yield f"{frame.f_globals.get('__name__')}:{line} {frame.f_code.co_name}"
