"""`usertrack serve --status` and `--refused`: how the server of a folder is, and which events it refused."""

import json
from collections.abc import Mapping
from pathlib import Path

import httpx
import typer

from usertrack.cli import diagnostics
from usertrack.core.errors import ConnectionFailed
from usertrack.core.json_types import JsonObject
from usertrack.core.tls import tls
from usertrack.core.words import number, plural, size_words
from usertrack.render.safe import visible
from usertrack.server.database.lock import server_of
from usertrack.server.database.set_aside import SetAside
from usertrack.server.serve import serving

_SECONDS = 10.0  # seconds: a server that hangs counts as one that does not answer
DEGRADED = 5
"""The exit code when the server answers and is not well."""


def show_status(folder: Path) -> None:
    """Print how the server of ``folder`` is; exits with 5 when it is not well.

    Raises ConnectionFailed when none serves it.
    """
    url, key = server_of(folder)
    if not url:
        raise ConnectionFailed(f"no server has {folder}", "start it: `usertrack serve --data DIR`")
    try:
        answer = httpx.get(
            f"{url}/health", headers={"Authorization": f"Bearer {key}"}, timeout=_SECONDS, verify=tls(url)
        )
        status: JsonObject = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise ConnectionFailed(
            f"the server at {url} does not answer: {type(error).__name__}",
            "it may be starting or ending; ask again, and start it again if it was killed",
        ) from None
    for line in _lines(url, status, folder):
        typer.echo(line)
    if status["status"] != "ok":
        raise typer.Exit(DEGRADED)


def show_refused(folder: Path, env: Mapping[str, str], *, replay: bool) -> None:
    """Print the refused events of ``folder``, or store them where that is possible now; raises ConnectionFailed."""
    if not replay:
        at = None
        for event in SetAside(folder).events():
            at = f"{event.received:%Y-%m-%d %H:%M:%S} UTC"
            typer.echo(f"{at}  {visible(event.reason)}  {visible(json.dumps(event.raw))}")
        if at is None:
            diagnostics.note(f"no refused events are kept in {folder}")
        return
    with serving(folder, env) as (url, settings):
        answer = httpx.post(
            f"{url}/api/projects/@current/usertrack/refused/replay/",
            headers={"Authorization": f"Bearer {settings.personal_api_key}"},
            timeout=None,  # of a file of 64 MiB
            verify=tls(url),
        )
    if answer.status_code != 200:
        raise ConnectionFailed(f"the server at {url} answers with HTTP {answer.status_code}", "its log says why")
    counts = answer.json()
    typer.echo(f"{plural(counts['stored'], 'event')} stored, {number(counts['refused'])} refused again")


def _lines(url: str, status: JsonObject, folder: Path) -> list[str]:
    """The lines of `--status`; its counts are those since the server started."""
    acknowledged, stored = (
        f"{plural(status[f'{what}_events'], 'event')}, {status[f'{what}_per_second']:g} a second in the last minute"
        for what in ("acknowledged", "stored")
    )
    waiting = f"{plural(status['waiting_requests'], 'request')}, {size_words(status['waiting_bytes'])}"
    requests = ", ".join(f"{code}: {number(count)}" for code, count in status["requests"].items()) or "none"
    p50, p99 = (f"{1000 * status[f'answered_{share}_seconds']:g} ms" for share in ("p50", "p99"))
    times = f"; half within {p50}, 99 % within {p99}" if status["requests"] else ""
    lost = status.get("refused_and_dropped_events", 0)
    dropped = f", {number(lost)} of them not kept for lack of room" if lost else ""
    listed = f"`usertrack serve --refused --data {folder}` lists them"
    rows = {
        "server": f"{url}, {status['status']}; counts are those since it started",
        "acknowledged": acknowledged,
        "stored": f"{stored}; {number(status['repeated_events'])} had come before",
        "refused": f"{plural(status['refused_events'], 'event')}{dropped}; {listed}",
        "waiting": f"{waiting} of {size_words(status['most_waiting_bytes'])}; the oldest {status['lag_seconds']:g} s",
        "requests": f"{requests}{times}",
    }
    return [f"{name:<13}{text}" for name, text in rows.items()] + [
        f"problem      {problem}" for problem in status["problems"]
    ]
