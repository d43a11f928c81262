"""`usertrack live`: a line for everything that people do now, and for every alert, until Ctrl-C."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from usertrack.cli import diagnostics
from usertrack.cli.common import Common, settings_of
from usertrack.cli.options import with_common_once
from usertrack.core.errors import UsageError

if TYPE_CHECKING:
    from usertrack.cli.session import Session
    from usertrack.live.alerts.desk import Desk
    from usertrack.live.alerts.life import Alert
    from usertrack.live.signals.audience import Audience
    from usertrack.live.signals.occurrence import Occurrence
    from usertrack.workspace.settings import Settings

_OVERLAP = timedelta(seconds=30)  # a source may show an event some seconds after it took it in
_BEGINNING = timedelta(minutes=5)  # as long as somebody counts as active on /live
_BEFORE = 10  # lines of what happened before, as many as `tail -f` begins with
_BEATS = frozenset({"page_time"})  # the tracker repeats it every few seconds of a visit: no news


@with_common_once
def live(
    every: Annotated[
        int, typer.Option("--every", min=1, max=3600, metavar="SECONDS", help="How often to ask for events.")
    ] = 2,
    only: Annotated[
        str,
        typer.Option(
            "--filter",
            metavar="TEXT",
            help="Only lines that contain TEXT: an e-mail, a tier, a page, an event, or 'needs help'.",
            show_default=False,
        ),
    ] = "",
    rounds: Annotated[int | None, typer.Option("--rounds", min=1, hidden=True)] = None,
    *,
    common: Common,
) -> None:
    """Print what people do now and who needs help, one line each, until Ctrl-C.

    `usertrack live` · beside `usertrack alerts watch`, which runs the patterns

    `usertrack live --filter "needs help"` · alerts alone

    `usertrack live --filter /billing -f jsonl` · one JSON object a line, for programs

    `usertrack live --demo` · the people of `usertrack serve --demo-traffic`
    """
    from usertrack.cli.desk import open_desk
    from usertrack.demo.traffic.live_settings import live_settings

    if common.output or common.format not in (None, "table", "jsonl"):
        raise UsageError("live prints lines, as text or with `-f jsonl`", "write them to a file with `>> FILE`")
    with ExitStack() as stack:
        settings = stack.enter_context(live_settings(settings_of(common), diagnostics.Progress))
        _, desk = stack.enter_context(open_desk(common))  # that of the demo is in its folder, which may be new
        printer = _Printer(only.casefold(), ZoneInfo(settings["timezone"]), is_json=common.format == "jsonl")
        follower = _Follower(desk)
        left = rounds
        while left is None or left > 0:
            done = _follow_for_a_while(common, settings, follower, printer, every, left)
            left = None if left is None else left - done


@dataclass(frozen=True)
class _Happening:
    """One line: ``what`` somebody did at ``at`` (UTC), or why they need help."""

    at: datetime
    person: str
    who: str
    tier: str
    page: str
    what: str


@dataclass(frozen=True)
class _Printer:
    """Writes happenings that contain ``only``, with times in ``zone``, to standard output."""

    only: str
    zone: ZoneInfo
    is_json: bool

    def show(self, happenings: Iterable[_Happening]) -> None:
        from usertrack.live.alerts.codec import encode
        from usertrack.render.safe import visible

        for happening in happenings:
            about = f"{happening.who:<32} {happening.tier:<6} {happening.what}".rstrip()
            if self.only in about.casefold():
                text = f"{happening.at.astimezone(self.zone):%H:%M:%S} {visible(about)}"
                typer.echo(encode(happening) if self.is_json else text)


class _Follower:
    """Remembers which events and alerts have been shown."""

    def __init__(self, desk: "Desk") -> None:
        self._desk = desk
        self._alerts: dict[str, Alert] = {}
        self._uuids: set[str] | None = None  # of the latest answer: whatever the next one repeats is among them
        self._since = datetime.now(UTC) - _BEGINNING

    def news(self, session: "Session", audience: "Audience") -> list[_Happening]:
        """Return what happened since the last call, in order of time."""
        from usertrack.live.signals.reader import arrivals

        now = datetime.now(UTC)
        events = arrivals(session.runner, self._since, now)
        shown, self._uuids, self._since = self._uuids, {event.uuid for event in events}, now - _OVERLAP
        new = [event for event in events if event.name not in _BEATS and event.uuid not in (shown or ())]
        happenings = [_deed(event, audience.facts(event.person)) for event in new]
        if shown is None:
            happenings = happenings[-_BEFORE:]
        happenings += self._changes_of_alerts(now)
        return sorted(happenings, key=lambda happening: happening.at)

    def _changes_of_alerts(self, now: datetime) -> Iterator[_Happening]:
        firing = {alert.key: alert for alert in self._desk.alerts() if alert.is_firing}
        for key in firing.keys() - self._alerts.keys():
            yield _need(firing[key], firing[key].fired_at or now, "needs help")
        for key in self._alerts.keys() - firing.keys():
            yield _need(self._alerts[key], now, "no longer needs help")
        self._alerts = firing


def _follow_for_a_while(
    common: Common, settings: "Settings", follower: _Follower, printer: _Printer, every: int, rounds: int | None
) -> int:
    """Print news for some minutes; then people's facts are to be read anew. Return the number of rounds."""
    from usertrack.cli.session import open_session
    from usertrack.live.signals.profiled import REFRESH, read_audience
    from usertrack.live.signals.read import read_patterns
    from usertrack.workspace.files import patterns_path

    patterns = read_patterns(patterns_path(settings))
    done = 0
    with open_session(common, cached=False, settings=settings) as session:
        audience = read_audience(session.runner, session.rules(), patterns)
        session.progress.stop()
        begun = time.monotonic()
        while done != rounds and time.monotonic() - begun < REFRESH.total_seconds():
            printer.show(follower.news(session, audience))
            done += 1
            if done != rounds:
                time.sleep(every)
    return done


def _deed(event: "Occurrence", facts: Mapping[str, Any]) -> _Happening:
    from usertrack.web.live.words import deed_on_page, name_of

    person = event.person or event.distinct_id
    what = f"{deed_on_page(event)} {event.route}".rstrip()
    at = datetime.fromtimestamp(event.at, UTC)
    return _Happening(at, person, name_of(person, facts), str(facts.get("tier") or ""), event.route, what)


def _need(alert: "Alert", at: datetime, verb: str) -> _Happening:
    from usertrack.live.alerts.view import person_words

    tier, page = (str(alert.facts.get(name) or "") for name in ("tier", "page"))
    return _Happening(at, alert.person, person_words(alert), tier, page, f"{verb} ({alert.pattern}): {alert.because}")


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel="People")(live)
