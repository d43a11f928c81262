"""`usertrack live`: who is here now, where, and who needs help, until `q` or Ctrl-C."""

import getpass
import os
import select
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli import diagnostics
from usertrack.cli.common import Common, settings_of
from usertrack.cli.options import with_common_once

if TYPE_CHECKING:
    from rich.live import Live

    from usertrack.alerts.desk import Desk
    from usertrack.cli.live_screen import Screen, Seen
    from usertrack.cli.session import Session
    from usertrack.signals.active import ActivePeople
    from usertrack.signals.audience import Unknown
    from usertrack.signals.profiled import Profiled
    from usertrack.workspace.settings import Settings

_OVERLAP = timedelta(seconds=30)  # an event may become visible some time after it came
_SNOOZE = timedelta(hours=1)
_ARROWS = {"\x1b[A": -1, "\x1b[B": 1, "k": -1, "j": 1}


class _Quit(Exception):  # noqa: N818 - no error
    """Somebody pressed q."""


@with_common_once
def live(
    every: Annotated[
        int, typer.Option("--every", min=1, max=3600, metavar="SECONDS", help="How often to ask for events.")
    ] = 2,
    rounds: Annotated[int | None, typer.Option("--rounds", min=1, hidden=True)] = None,
    *,
    common: Common,
) -> None:
    """Who is here now, on which page, and who needs help.

    `usertrack live` · beside `usertrack alerts watch`, which runs the patterns

    `usertrack live --demo` · the people of `usertrack serve --demo-traffic`

    Keys: `f` everybody, who needs help, or one tier · `↑` `↓` choose an alert · `a` acknowledge it · `s` snooze it for
    an hour · `q` quit. Without a terminal it prints lines.
    """
    from usertrack.cli.desk import open_desk
    from usertrack.demo.traffic.live_settings import live_settings

    with ExitStack() as stack:
        stack.enter_context(suppress(_Quit))
        settings = stack.enter_context(live_settings(settings_of(common), diagnostics.Progress))
        _, desk = stack.enter_context(open_desk(common))  # that of the demo is in its folder, which may be new
        is_terminal = sys.stdout.isatty() and sys.stdin.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        screen = stack.enter_context(_screen()) if is_terminal else None
        left = rounds
        while left is None or left > 0:
            done = _show_for_a_while(common, settings, desk, screen, every, left)
            left = None if left is None else left - done


def _show_for_a_while(
    common: Common,
    settings: "Settings",
    desk: "Desk",
    screen: "tuple[Live, Screen] | None",
    every: int,
    rounds: int | None,
) -> int:
    """Show for some minutes; after these, people's facts are read anew. Returns how many rounds there were."""
    from usertrack.cli.session import open_session
    from usertrack.signals.active import ACTIVE, ActivePeople
    from usertrack.signals.profiled import REFRESH, read_audience
    from usertrack.signals.read import read_patterns
    from usertrack.workspace.files import patterns_path

    patterns = read_patterns(patterns_path(settings))
    done, before = 0, set[str]()
    with open_session(common, cached=False, settings=settings) as session:
        audience = read_audience(session.runner, session.rules(), patterns)
        session.progress.stop()
        people, since = ActivePeople(), datetime.now(UTC) - ACTIVE
        begun = time.monotonic()
        while done != rounds and time.monotonic() - begun < REFRESH.total_seconds():
            now = datetime.now(UTC)
            seen = _look(session, desk, people, audience, since, now)
            since = now - _OVERLAP
            done += 1
            if screen is None:
                _print(seen, before)
                before = {alert.key for alert in seen.alerts}
                if done != rounds:
                    time.sleep(every)
            else:
                _draw_until(*screen, seen, desk, now + timedelta(seconds=every))
    return done


def _look(
    session: "Session",
    desk: "Desk",
    people: "ActivePeople",
    audience: "Profiled | Unknown",
    since: datetime,
    now: datetime,
) -> "Seen":
    from usertrack.cli.live_screen import Seen
    from usertrack.signals.reader import arrivals

    people.feed(arrivals(session.runner, since, now))
    active = people.at(now)
    facts = {each.person: audience.facts(each.person) for each in active}
    firing = [alert for alert in desk.alerts() if alert.is_firing]
    return Seen(now, firing, active, facts, people.rate(now))


def _print(seen: "Seen", before: set[str]) -> None:
    from usertrack.cli.live_screen import plain_lines
    from usertrack.render.safe import visible

    for line in plain_lines(seen, before):
        typer.echo(visible(line))


# On a terminal


@contextmanager
def _screen() -> "Iterator[tuple[Live, Screen]]":
    """The whole screen, with keys that take effect at once; the terminal is as before afterwards."""
    import termios
    import tty

    from rich.console import Console
    from rich.live import Live

    from usertrack.cli.live_screen import Screen

    console = Console(highlight=False)
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        with Live(console=console, screen=True, auto_refresh=False) as live:
            yield live, Screen()
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _draw_until(live: "Live", screen: "Screen", seen: "Seen", desk: "Desk", end: datetime) -> None:
    """Draw, and again after each key and when the terminal changes its size. Raises _Quit."""
    while True:
        live.update(screen.draw(seen, *live.console.size), refresh=True)
        left = (end - datetime.now(UTC)).total_seconds()
        if left <= 0:
            return
        if key := _key(min(left, 1.0)):
            _act(key, screen, seen, desk)


def _key(seconds: float) -> str:
    """The key pressed within so many seconds; "" for none."""
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return os.read(sys.stdin.fileno(), 8).decode(errors="replace") if ready else ""


def _act(key: str, screen: "Screen", seen: "Seen", desk: "Desk") -> None:
    from usertrack.alerts.view import person_words
    from usertrack.core.errors import UsertrackError

    screen.message = ""
    if key in ("q", "Q", "\x03", "\x04"):
        raise _Quit
    if key == "f":
        screen.next_filter(seen)
    elif key in _ARROWS:
        screen.move(_ARROWS[key])
    elif key in ("a", "s") and screen.alert:
        alert, now = screen.alert, datetime.now(UTC)
        try:
            if key == "a":
                desk.acknowledge(alert.key, getpass.getuser(), now)
            else:
                desk.snooze(alert.key, now + _SNOOZE, getpass.getuser(), now)
        except UsertrackError as problem:
            screen.message = problem.message
        else:
            screen.message = f"{'acknowledged' if key == 'a' else 'snoozed'}: {person_words(alert)}"


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel="People")(live)
