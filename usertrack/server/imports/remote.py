"""Imports through the running server of a data directory: sends it the file and passes on its messages."""

import json
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import NoReturn

import httpx

from usertrack.core.errors import ConnectionFailed, QueryError, UsertrackError
from usertrack.core.notify import Notify
from usertrack.core.tls import tls
from usertrack.core.words import size_words
from usertrack.server.imports.event_file import suffix_of
from usertrack.server.imports.events import ImportOptions
from usertrack.server.imports.load import Imported

_PIECE = 1 << 20  # bytes
_SILENCE = 60  # seconds until the server counts as lost; it sends a line five times a second


def import_by_server(url: str, key: str, options: ImportOptions, progress: Notify) -> Imported:
    """Like ``import_file``, by the server at ``url``. Also raises ConnectionFailed when the server is lost."""
    params: list[tuple[str, str | int | float | bool | None]] = [
        ("suffix", suffix_of(options.path)),
        ("called", str(options.display_path)),
        ("timezone", options.zone),
        ("skip_bad", options.skip_bad),
        ("ties", options.ties),
        *(("map", text) for text in options.mapping),
        *(("omit", name) for name in options.omitted),
    ]
    # a server of this machine needs no proxy
    with httpx.Client(base_url=url, timeout=_SILENCE, trust_env=False, verify=tls(url)) as client:
        try:
            with client.stream(
                "POST",
                "/api/projects/@current/usertrack/import",
                params=params,
                headers={"Authorization": f"Bearer {key}"},
                content=_pieces(options.path, progress),
            ) as response:
                if response.status_code != 200:
                    _refuse(url, response)
                for line in filter(str.strip, response.iter_lines()):
                    match json.loads(line):
                        case {"said": message, "passing": passing}:
                            progress(message, passing=passing)
                        case {"imported": done}:
                            times = {name: datetime.fromisoformat(done[name]) for name in ("first", "last")}
                            lists = {name: tuple(done[name]) for name in ("problems", "notes")}
                            values = {**done, **times, **lists}
                            return Imported(**{field.name: values[field.name] for field in fields(Imported)})
                        case {"refused": {"kind": kind, "message": message, "hint": hint}}:
                            classes = {error.__name__: error for error in UsertrackError.__subclasses__()}
                            raise classes.get(kind, QueryError)(message, hint)
                raise httpx.RemoteProtocolError("no outcome")
        except httpx.HTTPError as error:
            raise ConnectionFailed(
                f"the server at {url} was lost while it imported ({type(error).__name__})",
                "nothing was imported, or all of it: import again, which adds what is missing",
            ) from error


def _pieces(path: Path, progress: Notify) -> Iterator[bytes]:
    total, sent = path.stat().st_size, 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
            sent += len(piece)
            progress(f"{size_words(sent)} of {size_words(total)} sent to the server", passing=True)


def _refuse(url: str, response: httpx.Response) -> NoReturn:
    response.read()
    detail = str(response.json().get("detail", "")) if "json" in response.headers.get("content-type", "") else ""
    raise ConnectionFailed(
        f"the server at {url} does not import: {detail or f'HTTP {response.status_code}'}",
        "it may run another version of usertrack: stop it, and start it again",
    )
