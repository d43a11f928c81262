"""Commands about the embedded engines: demo, serve."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

_PANEL = "Engines"


class LogFormat(StrEnum):
    text = "text"
    json = "json"


def demo(
    users: Annotated[int, typer.Option("--users", min=50, help="How many accounts.")] = 2000,
    days: Annotated[int, typer.Option("--days", min=7, max=730, help="How many days of history.")] = 120,
    reset: Annotated[bool, typer.Option("--reset", help="Build it anew even if it is there.")] = False,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="TIME", help="The moment at which its world ends.")
    ] = None,
) -> None:
    """Build the demo world, or a larger one; the other commands use the one built last.

    `usertrack demo` · the default: 2 000 accounts, 120 days

    `usertrack demo --users 100000` · for trying things at size
    """
    from usertrack.cli import diagnostics
    from usertrack.cli.demos import build

    with diagnostics.Progress() as progress:
        text = build(users, days, as_of, progress, reset=reset)
    diagnostics.note(text)


def serve(
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; the default is reached from this machine alone.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on; 0 picks a free one.")] = 8765,
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR", help="Where the events are kept.")] = None,
    timezone: Annotated[str, typer.Option("--timezone", metavar="ZONE", help="Timezone of the project.")] = "UTC",
    max_rows: Annotated[
        int,
        typer.Option(
            "--max-rows", min=1, help="Rows that one query may return at the most; PostHog's own cap is the default."
        ),
    ] = 50_000,
    week_start: Annotated[
        str | None, typer.Option("--week-start", metavar="DAY", help="monday or sunday: what weeks of HogQL start on.")
    ] = None,
    hash_ips: Annotated[
        bool, typer.Option("--hash-ips", help="Keep a keyed hash of where events come from; default: nothing of it.")
    ] = False,
    query_memory: Annotated[
        float, typer.Option("--query-memory", metavar="GIB", min=0.1, help="Memory that one query may take; three run.")
    ] = 2.0,
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", help="How errors are written to standard error.")
    ] = LogFormat.text,
) -> None:
    """Run the embedded PostHog as a server: the SDKs send to it, usertrack asks it.

    `usertrack serve` · then point an SDK at http://127.0.0.1:8765 with the project token shown

    `USERTRACK_PROJECT_TOKEN=phc_… USERTRACK_PERSONAL_API_KEY=phx_… usertrack serve --data ./events`
    """
    from usertrack.cli.demos import run_server

    run_server(
        host,
        port,
        data,
        timezone,
        max_rows,
        week_start,
        hash_ips=hash_ips,
        query_memory=int(query_memory * 2**30),
        log_format=log_format,
    )


def register(app: typer.Typer) -> None:
    for command in (demo, serve):
        app.command(rich_help_panel=_PANEL)(command)
