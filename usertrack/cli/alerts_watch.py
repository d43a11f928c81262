"""`usertrack alerts watch`: runs the patterns live, until Ctrl-C. One process does, for a workspace."""

import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli import diagnostics
from usertrack.cli.common import Common, settings_of
from usertrack.cli.options import with_common_once
from usertrack.core.errors import UsageError, UsertrackError

if TYPE_CHECKING:
    from pathlib import Path

    from usertrack.cli.watch_pane import Outage, WatchPane
    from usertrack.live.alerts.desk import Desk
    from usertrack.live.alerts.model import Signal
    from usertrack.live.alerts.outbox import Outbox
    from usertrack.live.signals.newcomers import Newcomers
    from usertrack.live.signals.patterns import Patterns
    from usertrack.workspace.settings import Settings

_SHORTEST = timedelta(milliseconds=200)


@with_common_once
def watch(
    every: Annotated[
        str, typer.Option("--every", metavar="TIME", help="How often to ask for events: 5s; 60s for PostHog Cloud.")
    ] = "5s",
    rounds: Annotated[int | None, typer.Option("--rounds", min=1, hidden=True)] = None,
    *,
    common: Common,
) -> None:
    """Run the patterns of patterns.yaml on what people do now, and tell the channels, until Ctrl-C.

    `usertrack alerts watch` · your PostHog, every 5 seconds

    `usertrack alerts watch --every 60s` · PostHog Cloud, where events take a while to arrive anyhow

    `usertrack alerts watch --demo` · the people of `usertrack serve --demo-traffic`

    It prints a line for each alert. Killed and started again, it goes on where it was: nothing is lost or told twice.
    One process watches; `usertrack live` and `usertrack alerts list` show beside it what it sees.
    """
    from usertrack.cli.watch_pane import Outage, WatchPane
    from usertrack.demo.traffic.live_settings import live_settings
    from usertrack.live.alerts.watch_lock import WatchLock
    from usertrack.workspace.files import patterns_path
    from usertrack.workspace.state import state_folder

    settings = settings_of(common)
    pause = _pause(every)
    patterns, folder = RunningPatterns(patterns_path(settings)), state_folder(settings, datetime.now(UTC))
    channels = patterns.read().notifications.channels
    with WatchLock(folder, datetime.now(UTC)) as lock:
        if not channels:
            diagnostics.note(
                f"nobody is told: {patterns.path} names no channels; alerts are shown here and in `alerts list`"
            )
        pane, outage = WatchPane(), Outage(lock)
        left = rounds
        while left is None or left > 0:
            try:
                with live_settings(settings, diagnostics.Progress) as live:
                    watching = Watching(common, live, patterns, folder, pause, pane, outage, settings.uses_demo)
                    while left is None or left > 0:
                        done = watching.watch_for_a_while(left)
                        left = None if left is None else left - done
            except UsertrackError as problem:
                if problem.exit_code == UsageError.exit_code and patterns.refuse(problem):
                    continue
                if not pane.has_begun or problem.exit_code == UsageError.exit_code:
                    raise
                outage.goes_on(problem)  # a source is away while people's facts are read anew, or has another address
                time.sleep(pause.total_seconds())


class RunningPatterns:
    """The active patterns of the file at ``path``. Where a change of it cannot run, the previous ones stay active.

    Attributes:
        path: patterns.yaml.
        refusal: why the file as it is now does not run, until the channels are told; "" where it does.
    """

    def __init__(self, path: "Path") -> None:
        self.path = path
        self.refusal = ""
        self._running: Patterns | None = None
        self._latest: Patterns | None = None
        self._changed_at: float | None = None

    def read(self) -> "Patterns":
        """Return the patterns to run. Raises UsageError if the file is wrong from the beginning."""
        from usertrack.live.signals.read import read_patterns

        if not self._latest or self.have_changed():
            self._changed_at = self._time()
            try:
                self._latest = read_patterns(self.path)
            except UsageError as problem:
                if not self._running:
                    raise
                self._go_back(problem)
        assert self._latest
        return self._latest

    def prove(self) -> None:
        """Remember that the patterns which were read last have run."""
        self._running = self._latest

    def refuse(self, problem: UsertrackError) -> bool:
        """Go back to the patterns that have run before; False where it is those that do not run any more."""
        if not self._running or self._latest is self._running:
            return False
        self._go_back(problem)
        return True

    def _go_back(self, problem: UsertrackError) -> None:
        self._latest, self.refusal = self._running, problem.message
        diagnostics.error(problem)
        diagnostics.note("the previous patterns stay active until the file is mended")

    def have_changed(self) -> bool:
        """Whether the file has changed since it was read. One that is absent has not: editors rename their copy."""
        return self._time() not in {None, self._changed_at}

    def _time(self) -> float | None:
        with suppress(OSError):
            return self.path.stat().st_mtime
        return None


@dataclass(frozen=True)
class Watching:
    """Watches with what is read anew every some minutes: who people are, and the patterns when they change.

    ``may_move``: the source may come back at another address and with another key, which only who opens it anew knows.
    """

    common: Common
    settings: "Settings"
    patterns: RunningPatterns
    folder: "Path"
    pause: timedelta
    pane: "WatchPane"
    outage: "Outage"
    may_move: bool

    def watch_for_a_while(self, rounds: int | None) -> int:
        """Until these are to be read anew. Returns how many rounds there were, at most ``rounds``."""
        from usertrack.cli.session import open_session
        from usertrack.live.alerts.channels.senders import senders
        from usertrack.live.alerts.desk import Desk
        from usertrack.live.alerts.outbox import Outbox
        from usertrack.live.alerts.store import AlertStore
        from usertrack.live.signals.newcomers import Newcomers, read_names
        from usertrack.live.signals.profiled import REFRESH, read_audience
        from usertrack.live.signals.watch import Watcher

        patterns = self.patterns.read()
        done = 0
        with open_session(self.common, cached=False, settings=self.settings) as session:
            rules = session.rules()
            audience = read_audience(session.runner, rules, patterns)
            self.pane.note(audience.notes)
            with (
                closing(AlertStore(self.folder)) as store,
                Watcher(self.folder, patterns, audience) as watcher,
                closing(Outbox(store, senders(patterns.notifications, self.settings))) as outbox,
            ):
                desk = Desk(store, patterns.notifications)
                if self.patterns.refusal:
                    desk.tell_of_patterns(self.patterns.refusal, datetime.now(UTC))
                    self.patterns.refusal = ""
                session.progress.stop()
                newcomers = Newcomers(
                    watcher.engine,
                    lambda now: read_audience(session.runner.at(now), rules, patterns),
                    partial(read_names, session.runner),
                )
                begun = time.monotonic()
                while done != rounds and time.monotonic() - begun < REFRESH.total_seconds():
                    if self.patterns.have_changed():
                        break
                    try:
                        receive = partial(self._receive, desk, newcomers)
                        watcher.poll(session.runner, datetime.now(UTC), receive, newcomers.meet)
                    except UsertrackError as problem:
                        if problem.exit_code == UsageError.exit_code or (self.may_move and self.pane.has_begun):
                            raise
                        self.outage.goes_on(problem)
                    else:
                        self.outage.is_over()
                    self.pane.doubts(watcher.engine.late, newcomers.undecided(), watcher.clock_ahead)
                    self._tell(desk, outbox)
                    self.patterns.prove()
                    done += 1
                    self.pane.has_begun = True
                    if done != rounds:
                        self._sleep(desk, outbox)
        return done

    def _receive(self, desk: "Desk", newcomers: "Newcomers", signals: "Sequence[Signal]") -> None:
        now = datetime.now(UTC)
        signals = newcomers.introduced(signals, now)
        firing = {alert.key for alert in desk.alerts() if alert.fired_at}
        desk.receive(signals, now)
        of_incidents = {alert.key for alert in desk.within_incidents()}
        self.pane.show([signal for signal in signals if signal.key not in of_incidents], firing)

    def _tell(self, desk: "Desk", outbox: "Outbox") -> None:
        """Send what is due."""
        now = datetime.now(UTC)
        desk.tick(now)
        self.pane.channels(outbox.deliver(now))

    def _sleep(self, desk: "Desk", outbox: "Outbox") -> None:
        """Until the next round; messages that are due meanwhile are sent in time."""
        end = datetime.now(UTC) + self.pause
        while (now := datetime.now(UTC)) < end:
            due = desk.next_due(now)
            time.sleep(min(max(due - now, _SHORTEST), end - now).total_seconds())
            if due <= datetime.now(UTC) < end:
                self._tell(desk, outbox)


def _pause(text: str) -> timedelta:
    from usertrack.core.words import parse_age

    pause = parse_age(text)
    if not timedelta(seconds=1) <= pause <= timedelta(hours=1):
        raise UsageError(f"--every {text} is not between 1s and 1h", "write 5s, or 60s for PostHog Cloud")
    return pause


def register(alerts: typer.Typer) -> None:
    alerts.command("watch")(watch)
