"""An import over HTTP: the file is sent, never a path, so that nobody reads the server's files through it.

The answer is a line of JSON for each thing to say, at last `imported` or `refused`. Whoever hangs up stops the import.
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
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from usertrack.core.errors import QueryError, UsageError, UsertrackError
from usertrack.server.database.store import Store
from usertrack.server.http.api_errors import ApiError
from usertrack.server.http.auth import admit
from usertrack.server.http.requests import answering
from usertrack.server.http.server_settings import ServerSettings
from usertrack.server.imports.event_file import SUFFIXES
from usertrack.server.imports.events import ImportOptions
from usertrack.server.imports.load import import_file

_SAY_EVERY = 0.2  # seconds

log = logging.getLogger(__name__)


class _HungUp(Exception):  # noqa: N818 - nobody's error
    """Nobody waits for the import any more."""


def routes(store: Store, settings: ServerSettings) -> list[Route]:
    async def receive(request: Request) -> Response:
        admit(request, settings, "person:write")
        suffix = request.query_params.get("suffix", "")
        if not SUFFIXES.fullmatch(suffix):
            raise ApiError(400, "invalid_input", "suffix must be that of a parquet or CSV file")
        uploads = contextlib.ExitStack()
        try:
            path = uploads.enter_context(store.upload()) / f"events{suffix}"
            problem = await _received(request, path)
        except BaseException as error:
            uploads.close()
            if isinstance(error, ClientDisconnect):
                return Response(status_code=400)
            raise
        work = _Work(store, settings.project_token, _wanted(request, path), uploads, problem)
        return StreamingResponse(work.told(), media_type="application/x-ndjson")

    path = "/api/projects/{project_id}/usertrack/import"
    return [Route(f"{path}{slash}", answering(receive), methods=["POST"]) for slash in ("/", "")]


async def _received(request: Request, path: Path) -> UsageError | None:
    """The body in a file; what was in the way is returned, for the whole body has to be taken before an answer."""
    pieces = request.stream()
    try:
        with path.open("wb") as file:
            async for piece in pieces:
                await run_in_threadpool(file.write, piece)
    except OSError as error:
        log.exception("a file that was to be imported was not kept")
        path.unlink(missing_ok=True)
        async for _ in pieces:
            pass
        return UsageError(f"the server cannot keep the file: {error.strerror}", "make room in its data directory")
    return None


def _wanted(request: Request, path: Path) -> ImportOptions:
    asked = request.query_params
    return ImportOptions(
        path,
        Path(asked.get("called") or path.name),
        asked.getlist("map"),
        asked.getlist("omit"),
        asked.get("timezone") or "UTC",
        asked.get("skip_bad") == "true",
        "equal" if asked.get("ties") == "equal" else "file",
    )


class _Work:
    """One import in a thread of its own, which clears up after itself; ``told`` is what it says meanwhile."""

    def __init__(
        self,
        store: Store,
        token: str,
        options: ImportOptions,
        uploads: contextlib.ExitStack,
        problem: UsertrackError | None,
    ) -> None:
        self._store, self._token, self._wanted, self._uploads, self._problem = store, token, options, uploads, problem
        self._said: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._hung_up = threading.Event()

    async def told(self) -> AsyncIterator[bytes]:
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            while thread.is_alive() or not self._said.empty():
                yield self._lines() or b"\n"  # an empty line proves that somebody listens
                await asyncio.sleep(_SAY_EVERY)
        finally:
            self._hung_up.set()

    def _lines(self) -> bytes:
        lines = []
        while not self._said.empty():
            lines.append(json.dumps(self._said.get(), default=str).encode() + b"\n")
        return b"".join(lines)

    def _run(self) -> None:
        with self._uploads:
            self._said.put(self._outcome())

    def _outcome(self) -> dict[str, Any]:
        try:
            if self._problem:
                raise self._problem
            done = import_file(self._store, self._wanted, self._token, datetime.now(UTC), self._progress)
            return {"imported": asdict(done)}
        except _HungUp:
            return {}
        except UsertrackError as error:
            return _refused(error)
        except Exception:
            log.exception("an import failed")
            return _refused(QueryError("the server failed while it imported", "nothing was imported; it has said why"))

    def _progress(self, message: str, *, passing: bool = False, unseen: bool = False) -> None:
        if self._hung_up.is_set():
            raise _HungUp
        self._said.put({"said": message, "passing": passing})


def _refused(error: UsertrackError) -> dict[str, Any]:
    return {"refused": {"kind": type(error).__name__, "message": error.message, "hint": error.hint}}
