"""Imports over HTTP: the client sends the file, never a path, which could be any file of the server.

The response is lines of JSON: messages of progress, at last `imported` or `refused`. A client that disconnects stops
its import.
"""

import asyncio
import contextlib
import json
import logging
import threading
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from usertrack.core.errors import QueryError, UsageError, UsertrackError
from usertrack.core.json_types import JsonObject
from usertrack.server.database.store import Store
from usertrack.server.http.api_errors import ApiError
from usertrack.server.http.auth import admit
from usertrack.server.http.requests import project_routes
from usertrack.server.http.server_settings import ServerSettings
from usertrack.server.imports.event_file import SUFFIXES
from usertrack.server.imports.events import ImportOptions
from usertrack.server.imports.load import import_file

_INTERVAL = 0.2  # seconds

log = logging.getLogger(__name__)


class _Disconnected(Exception):  # noqa: N818 - no error
    """The client has disconnected."""


def routes(store: Store, settings: ServerSettings) -> list[Route]:
    async def receive(request: Request) -> Response:
        admit(request, settings, "person:write")
        suffix = request.query_params.get("suffix", "")
        if not SUFFIXES.fullmatch(suffix):
            raise ApiError(400, "invalid_input", "suffix must be that of a parquet, CSV or JSON lines file")
        uploads = contextlib.ExitStack()
        try:
            path = uploads.enter_context(store.upload()) / f"events{suffix}"
            problem = await _save_body(request, path)
        except BaseException as error:
            uploads.close()
            if isinstance(error, ClientDisconnect):
                return Response(status_code=400)
            raise
        job = _ImportJob(store, settings.project_token, _options(request, path), uploads, problem)
        return StreamingResponse(job.lines(), media_type="application/x-ndjson")

    return project_routes([("/usertrack/import", receive, ["POST"])])


async def _save_body(request: Request, path: Path) -> UsageError | None:
    """Write the body to ``path``. Returns the error, if any: the whole body must be read before the response."""
    chunks = request.stream()
    try:
        with path.open("wb") as file:
            async for chunk in chunks:
                await run_in_threadpool(file.write, chunk)
    except OSError as error:
        log.exception("a file that was to be imported was not kept")
        path.unlink(missing_ok=True)
        async for _ in chunks:
            pass
        return UsageError(f"the server cannot keep the file: {error.strerror}", "make room in its data directory")
    return None


def _options(request: Request, path: Path) -> ImportOptions:
    params = request.query_params
    return ImportOptions(
        path,
        Path(params.get("called") or path.name),
        params.getlist("map"),
        params.getlist("omit"),
        params.get("timezone") or "UTC",
        params.get("skip_bad") == "true",
        "equal" if params.get("ties") == "equal" else "file",
    )


class _ImportJob:
    """One import in a thread of its own; ``lines`` are its messages as JSON. It removes the uploaded file."""

    def __init__(
        self,
        store: Store,
        token: str,
        options: ImportOptions,
        uploads: contextlib.ExitStack,
        problem: UsertrackError | None,
    ) -> None:
        self._store, self._token, self._options, self._uploads, self._problem = store, token, options, uploads, problem
        self._messages: SimpleQueue[JsonObject] = SimpleQueue()
        self._disconnected = threading.Event()

    async def lines(self) -> AsyncIterator[bytes]:
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            while thread.is_alive() or not self._messages.empty():
                yield self._new_lines() or b"\n"  # an empty line shows that the client is still there
                await asyncio.sleep(_INTERVAL)
        finally:
            self._disconnected.set()

    def _new_lines(self) -> bytes:
        lines = []
        while not self._messages.empty():
            lines.append(json.dumps(self._messages.get(), default=str).encode() + b"\n")
        return b"".join(lines)

    def _run(self) -> None:
        with self._uploads:
            self._messages.put(self._outcome())

    def _outcome(self) -> JsonObject:
        try:
            if self._problem:
                raise self._problem
            done = import_file(self._store, self._options, self._token, datetime.now(UTC), self._progress)
            return {"imported": asdict(done)}
        except _Disconnected:
            return {}
        except UsertrackError as error:
            return _refused(error)
        except Exception:
            log.exception("an import failed")
            return _refused(QueryError("the server failed while it imported", "nothing was imported; it has said why"))

    def _progress(self, message: str, *, passing: bool = False, unseen: bool = False) -> None:
        if self._disconnected.is_set():
            raise _Disconnected
        self._messages.put({"said": message, "passing": passing})


def _refused(error: UsertrackError) -> JsonObject:
    return {"refused": {"kind": type(error).__name__, "message": error.message, "hint": error.hint}}
