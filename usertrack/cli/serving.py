"""`usertrack demo` and `usertrack serve`: the demo world, and the embedded PostHog as a server."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from usertrack.cli import diagnostics
from usertrack.cli.certificate import Certificate, CertificateKey, TrustedProxies, tls_of, warn_of_plain
from usertrack.core.errors import UsageError
from usertrack.core.words import number
from usertrack.server.http.server_settings import ServerSettings
from usertrack.workspace.data_folder import default_data

_PANEL = "Engines"


class LogFormat(StrEnum):
    text = "text"
    json = "json"


def demo(
    users: Annotated[int, typer.Option("--users", min=50, help="How many accounts.")] = 2000,
    days: Annotated[int, typer.Option("--days", min=7, max=730, help="How many days of history.")] = 120,
    reset: Annotated[bool, typer.Option("--reset", help="Build it again even if it exists.")] = False,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="TIME", help="The moment at which its data ends.")
    ] = None,
) -> None:
    """Build the demo data of any size; the other commands then use it.

    `usertrack demo` · the default: 2 000 accounts, 120 days

    `usertrack demo --users 100000` · for large tests
    """
    from usertrack.cli import diagnostics

    with diagnostics.Progress() as progress:
        text = build(users, days, as_of, progress, reset=reset)
    diagnostics.note(text)


def serve(
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; the default accepts only this machine.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 picks a free one.")
    ] = 8765,
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR", help="The folder of the events.")] = None,
    timezone: Annotated[
        str, typer.Option("--timezone", metavar="ZONE", help="Timezone of the project.")
    ] = ServerSettings.timezone,
    max_rows: Annotated[
        int,
        typer.Option(
            "--max-rows",
            min=1,
            help="How many rows a query may return; the default is PostHog's own limit.",
        ),
    ] = ServerSettings.row_cap,
    week_start: Annotated[
        str | None, typer.Option("--week-start", metavar="DAY", help="On which day weeks start: monday or sunday.")
    ] = None,
    hash_ips: Annotated[
        bool, typer.Option("--hash-ips", help="Store a keyed hash of each event's IP address; default: nothing.")
    ] = False,
    query_memory: Annotated[
        float, typer.Option("--query-memory", metavar="GIB", min=0.1, help="Memory of one query; three run at a time.")
    ] = ServerSettings.query_memory / 2**30,
    plan: Annotated[
        Path | None,
        typer.Option("--plan", metavar="FILE", help="Check each event against this tracking plan: `plan live-check`."),
    ] = None,
    enforce: Annotated[
        bool, typer.Option("--enforce", help="Refuse events that are not as the plan says, instead of counting them.")
    ] = False,
    catch_up: Annotated[
        float,
        typer.Option(
            "--catch-up", metavar="SECONDS", min=0, help="How long a query waits for the newest events to be stored."
        ),
    ] = ServerSettings.catch_up,
    most_waiting: Annotated[
        int,
        typer.Option(
            "--most-waiting",
            metavar="MIB",
            min=1,
            help="MiB of events that may wait to be stored; more are refused with 503.",
        ),
    ] = ServerSettings.most_waiting >> 20,
    status: Annotated[
        bool, typer.Option("--status", help="Show the state of the server of --data: rates, waiting events, problems.")
    ] = False,
    refused: Annotated[
        bool, typer.Option("--refused", help="List the events that were refused and kept aside, with the reasons.")
    ] = False,
    replay: Annotated[
        bool, typer.Option("--replay", help="With --refused: store those that can be stored now, and drop them there.")
    ] = False,
    origins: Annotated[
        list[str] | None,
        typer.Option("--allow-origin", metavar="URL", help="A site whose pages may send events; default: all sites."),
    ] = None,
    signed_only: Annotated[
        bool,
        typer.Option("--signed-only", help="Refuse what browsers send in somebody's name without a signature."),
    ] = False,
    routes: Annotated[
        Path | None,
        typer.Option(
            "--routes",
            metavar="FILE",
            help="Routes and words of your product, one a line: they stay readable in events of usertrack.js.",
        ),
    ] = None,
    address_limit: Annotated[
        float,
        typer.Option(
            "--limit-per-address",
            min=0,
            help="Requests per second from one IP address of browsers; programs: ten times as many; 0: no limit.",
        ),
    ] = ServerSettings.requests_per_address,
    key_limit: Annotated[
        float, typer.Option("--limit-per-key", min=0, help="Requests per second of all browsers together; 0: no limit.")
    ] = ServerSettings.requests_per_key,
    certificate: Certificate = None,
    certificate_key: CertificateKey = None,
    trusted: TrustedProxies = None,
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", help="Format of errors on standard error.")
    ] = LogFormat.text,
    demo_traffic: Annotated[
        bool,
        typer.Option("--demo-traffic", help="Play the demo's people live: watch them with `usertrack live --demo`."),
    ] = False,
    speed: Annotated[
        float,
        typer.Option("--speed", min=0.1, max=600, help="With --demo-traffic: hours of visits that begin in an hour."),
    ] = 60,
    seed: Annotated[int, typer.Option("--seed", help="With --demo-traffic: another seed, other visits.")] = 1,
    pages: Annotated[
        bool, typer.Option("--pages", help="Also open the pages of `usertrack open`, on these events.")
    ] = False,
) -> None:
    """Run the embedded PostHog as a server: PostHog's SDKs send events to it, usertrack queries it.

    `usertrack serve` · then send from an SDK to http://127.0.0.1:8765 with the project token shown

    `USERTRACK_PROJECT_TOKEN=phc_… USERTRACK_PERSONAL_API_KEY=phx_… usertrack serve --data ./events`

    `usertrack serve --data ./events --plan tracking.yaml` · then run your tests, and ask `usertrack plan live-check`

    `usertrack serve --allow-origin https://app.example` · pages with `usertrack.js` send to it, from that site alone

    `usertrack serve --demo-traffic --pages` · the demo's people, live, on a copy of the demo's events, in the browser

    `usertrack serve --data ./events --status` · exits with 5 when the server is not well
    """
    folder = data or (live_demo_data() if demo_traffic else default_data())
    if status or refused:
        from usertrack.cli import server_status

        server_status.show_status(folder) if status else server_status.show_refused(folder, os.environ, replay=replay)
        return
    from usertrack.core.errors import require_extra
    from usertrack.product.scope import WeekStart, one_of
    from usertrack.server.serve import is_public, load_or_create_settings
    from usertrack.server.serve import serve as serve_events
    from usertrack.workspace.key import pseudonym_key
    from usertrack.workspace.settings import WEEK_STARTS, load_settings

    require_extra("local")
    require_timezone(timezone)
    if enforce and plan is None:
        raise UsageError("--enforce needs a plan", "name it: `usertrack serve --plan tracking.yaml --enforce`")
    tls = tls_of(certificate, certificate_key)
    if tls and (demo_traffic or pages):
        raise UsageError(
            "--tls-cert is for events alone, without --demo-traffic and --pages",
            "open the pages by themselves: `usertrack open --tls-cert FILE`",
        )
    first_day = one_of(week_start, WeekStart, "--week-start") if week_start else None
    declared = _lines(routes) if routes else ()
    ip_key = pseudonym_key(load_settings()) if hash_ips else b""
    if is_public(host):
        diagnostics.note(f"anybody who reaches {host} can send events; reading needs the personal key")
        warn_of_plain(host, tls, trusted or (), "events and the personal key can be read on their way")
    with ExitStack() as stack, ExitStack() as preparing:
        if demo_traffic:
            if data is None:
                preparing.enter_context(_beginning())
            _live_demo(folder, is_own=data is None)

        def settings() -> ServerSettings:
            return replace(
                load_or_create_settings(folder, os.environ),
                timezone=timezone,
                week_start_day=WEEK_STARTS.index(first_day) if first_day else None,
                row_cap=max_rows,
                ip_key=ip_key,
                query_memory=int(query_memory * 2**30),
                plan=plan,
                enforce=enforce,
                most_waiting=most_waiting << 20,
                catch_up=catch_up,
                origins=tuple(origins or ()),
                requests_per_address=address_limit,
                requests_per_key=key_limit,
                signed_only=signed_only,
                declared=declared,
            )

        def begin(url: str, keys: ServerSettings) -> None:
            preparing.close()
            _announce(url, keys, folder)
            if demo_traffic:
                stack.enter_context(_playing(url, keys, speed, seed))
            if pages:
                stack.enter_context(_pages(url, keys, is_demo=demo_traffic))

        serve_events(folder, settings, host, port, begin, log_format, tls, trusted or ())


def _lines(file: Path) -> tuple[str, ...]:
    try:
        return tuple(file.read_text(encoding="utf-8-sig").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read ({error})", "name a text file with a route or word a line") from None


def register(app: typer.Typer) -> None:
    for command in (demo, serve):
        app.command(rich_help_panel=_PANEL)(command)


def build(users: int, days: int, as_of: str | None, progress: diagnostics.Progress, *, reset: bool) -> str:
    """Build the demo of that size, which commands use from then on; returns a note on what it has."""
    from usertrack.core.errors import require_extra
    from usertrack.core.period import parse_moment
    from usertrack.demo import open_demo
    from usertrack.demo.sources import progress_of
    from usertrack.workspace.demo_choice import DemoChoice, cache_root, write_choice

    require_extra("local")
    moment = parse_moment(as_of, "UTC") if as_of else datetime.now(UTC)
    built = open_demo(cache_root(), now=moment, users=users, days=days, reset=reset, progress=progress_of(progress))
    try:
        default = (users, days, as_of) == (DemoChoice.users, DemoChoice.days, None)
        # a demo of a given size or date keeps its moment; that of the default one follows the calendar
        write_choice(cache_root(), DemoChoice() if default else DemoChoice(users, days, built.as_of.isoformat()))
        end = f"{built.as_of:%Y-%m-%d %H:%M} UTC"
        return f"the demo has {number(users)} accounts and {days} days up to {end}; try `usertrack segments --demo`"
    finally:
        built.close()


def _beginning() -> AbstractContextManager[None]:
    """While live traffic is prepared, commands that watch it wait."""
    from usertrack.demo.traffic.data import beginning
    from usertrack.workspace.demo_choice import cache_root

    return beginning(cache_root())


def _live_demo(folder: Path, *, is_own: bool) -> None:
    """Prepare the folder of live traffic, with the demo's events in it; builds the demo if it is missing."""
    from usertrack.demo.sources import open_last_demo
    from usertrack.demo.traffic.data import prepare
    from usertrack.workspace.demo_choice import cache_root

    with diagnostics.Progress() as progress:
        demo = open_last_demo(cache_root(), now=datetime.now(UTC), notify=progress)
        with closing(demo):
            prepare(folder, demo, is_own=is_own)


@contextmanager
def _playing(url: str, keys: ServerSettings, speed: float, seed: int) -> Iterator[None]:
    from usertrack.demo.traffic.player import Player, Server

    server = Server(url, keys.project_token, keys.personal_api_key, keys.project_id)
    player = Player(server, lambda: datetime.now(UTC), speed=speed, seed=seed)
    diagnostics.note(
        "the demo's people are live; in another terminal: `usertrack alerts watch --demo`, `usertrack live --demo`"
    )
    player.start()
    try:
        yield
    finally:
        player.stop()


@contextmanager
def _pages(url: str, keys: ServerSettings, *, is_demo: bool) -> Iterator[None]:
    """The pages in a process of their own: however much they compute, events are taken at the same pace."""
    server = {
        "POSTHOG_HOST": url,
        "POSTHOG_PROJECT_ID": str(keys.project_id),
        "POSTHOG_PERSONAL_API_KEY": keys.personal_api_key,
    }
    command = [sys.executable, "-m", "usertrack", "open", "--keep", *(["--demo"] if is_demo else [])]
    process = subprocess.Popen(command, env=os.environ if is_demo else {**os.environ, **server})
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def require_timezone(name: str) -> None:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise UsageError(f"'{name}' is not a timezone", "use a name such as Europe/Berlin or UTC") from error


def live_demo_data() -> Path:
    """Return the data folder of `--demo-traffic`."""
    from usertrack.demo.traffic.data import live_demo_folder
    from usertrack.workspace.demo_choice import cache_root

    return live_demo_folder(cache_root())


def _announce(url: str, keys: ServerSettings, folder: Path) -> None:
    diagnostics.note(f"serving {folder} at {url}, project {keys.project_id}; Ctrl-C ends it")
    diagnostics.note(f"project token for writing: {keys.project_token}")
    if os.environ.get("USERTRACK_PERSONAL_API_KEY"):
        diagnostics.note("personal key for reading: the one in USERTRACK_PERSONAL_API_KEY")
    else:
        diagnostics.note(f"personal key for reading: {keys.personal_api_key}")
