"""What `usertrack demo` and `usertrack serve` do, once somebody runs them."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from usertrack.cli import diagnostics
from usertrack.errors import UsageError
from usertrack.measures import number

if TYPE_CHECKING:
    from usertrack.server.settings import ServerSettings


def build(users: int, days: int, as_of: str | None, progress: diagnostics.Progress, *, reset: bool) -> str:
    """Build the demo of that size, make it the one that is used, and say what it holds."""
    from usertrack.demo import open_demo
    from usertrack.period import parse_moment
    from usertrack.sources.demo import Choice, cache_root, progress_of, require_engines, write_choice

    require_engines()
    moment = parse_moment(as_of, "UTC") if as_of else datetime.now(UTC)
    built = open_demo(cache_root(), now=moment, users=users, days=days, reset=reset, progress=progress_of(progress))
    try:
        default = (users, days, as_of) == (Choice.users, Choice.days, None)
        # one that was asked for by size or date is kept as it is; the default one follows the calendar
        write_choice(cache_root(), Choice() if default else Choice(users, days, built.as_of.isoformat()))
        end = f"{built.as_of:%Y-%m-%d %H:%M} UTC"
        return f"the demo has {number(users)} accounts and {days} days up to {end}; try `usertrack segments --demo`"
    finally:
        built.close()


def run_server(
    host: str,
    port: int,
    data: Path | None,
    timezone: str,
    max_rows: int,
    week_start: str | None = None,
    *,
    hash_ips: bool = False,
    query_memory: int,
    log_format: str,
) -> None:
    from usertrack.analytics.frame import WeekStart, chosen
    from usertrack.pseudonyms import key_of
    from usertrack.server.serve import is_public, serve
    from usertrack.settings import WEEK_STARTS, load
    from usertrack.sources.demo import require_engines

    require_engines()
    require_timezone(timezone)
    first = chosen(week_start, WeekStart, "--week-start") if week_start else None
    if is_public(host):
        diagnostics.note(f"anybody who reaches {host} can send events; reading needs the personal key")
    folder = data or default_data()
    serve(
        folder,
        os.environ,
        host,
        port,
        lambda url, keys: _announce(url, keys, folder),
        log_format,
        query_memory=query_memory,
        timezone=timezone,
        row_cap=max_rows,
        ip_key=key_of(load()) if hash_ips else b"",
        week_start_day=WEEK_STARTS.index(first) if first else None,
    )


def require_timezone(name: str) -> None:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise UsageError(f"'{name}' is not a timezone", "use a name such as Europe/Berlin or UTC") from error


def default_data() -> Path:
    """Where the embedded PostHog keeps its events, unless `--data` says otherwise."""
    import platformdirs

    return Path(platformdirs.user_data_dir("usertrack")) / "events"


def _announce(url: str, keys: "ServerSettings", folder: Path) -> None:
    diagnostics.note(f"serving {folder} at {url}, project {keys.project_id}; Ctrl-C ends it")
    diagnostics.note(f"project token for writing: {keys.project_token}")
    if os.environ.get("USERTRACK_PERSONAL_API_KEY"):
        diagnostics.note("personal key for reading: the one in USERTRACK_PERSONAL_API_KEY")
    else:
        diagnostics.note(f"personal key for reading: {keys.personal_api_key}")
