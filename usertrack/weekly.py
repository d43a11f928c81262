"""What a weekly report says, before anybody writes it down: every query of it is asked at once.

Its moment is the last one of the week, or now in a week that is not over; nothing in it depends on when it is made but
what the sources keep only as of today.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from usertrack.errors import UsertrackError
from usertrack.failures.causes import Catalogue
from usertrack.failures.investigation import Investigation, investigate
from usertrack.history import WEEK, Place, Snapshot
from usertrack.library import Statement
from usertrack.lookback import Moved, keep_both, kept_then, look_back
from usertrack.period import Week
from usertrack.rules import Rules, SegmentSet
from usertrack.run import Done, Runner
from usertrack.segments import Classification, classify
from usertrack.table import Table
from usertrack.workbench import asked, join


FAILURE_DAYS = 7


@dataclass(frozen=True)
class Weekly:
    """``parts`` by name as in `_parts`; what could not be had is in ``missing``, with the reason.

    ``as_of`` is the moment it is of, ``now`` the one at which the sources stood.
    """

    week: Week
    as_of: datetime
    now: datetime
    found: Classification
    moved: Moved
    parts: Mapping[str, Table]
    asked: Mapping[str, Statement]
    missing: Mapping[str, str]
    failures: Investigation | UsertrackError

    @property
    def finished(self) -> bool:
        return self.as_of >= self.week.until

    @property
    def incomplete(self) -> bool:
        """Whether a source did not give its part."""
        missing = any(fact.missing for fact in self.found.bench.facts.values())
        return missing or bool(self.missing) or isinstance(self.failures, UsertrackError)


@dataclass(frozen=True)
class Sought:
    """What to report on, and with what: the week, the rules with one of their sets, causes of failure, the history."""

    week: Week
    rules: Rules
    chosen: SegmentSet
    catalogue: Catalogue
    place: Place | None = None
    keep: bool = True


def moment_of(week: Week, now: datetime) -> datetime:
    """The last moment of the week, or ``now`` while it is not over."""
    return min(week.until, now)


def gather(runner: Runner, sought: Sought, done: Done | None = None) -> Weekly:
    """Ask everything and put it together; raises a UsertrackError when the profiles cannot be had at all."""
    week, as_of = sought.week, moment_of(sought.week, runner.as_of)
    then = week.before.until if as_of == week.until else as_of - WEEK
    now, before = runner.at(as_of), runner.at(then)
    kept = kept_then(runner, sought.rules, sought.chosen, sought.place, then)
    profiles = [asked(now, sought.rules), [] if kept else asked(before, sought.rules)]
    parts = {name: now.bind(query, params) for name, (query, params) in _parts(week).items()}
    answers = now.run([*profiles[0], *profiles[1], *parts.values()], done)
    first, second = len(profiles[0]), len(profiles[0]) + len(profiles[1])
    found = classify(join(now, sought.rules, answers[:first]), sought.chosen)
    was = kept or classify(join(before, sought.rules, answers[first:second]), sought.chosen)
    answered = dict(zip(parts, answers[second:], strict=True))
    return Weekly(
        week=week,
        as_of=as_of,
        now=runner.now,
        found=found,
        moved=_moved(found, was, sought, runner.now),
        parts={name: answer for name, answer in answered.items() if isinstance(answer, Table)},
        asked=parts,
        missing={name: answer.message for name, answer in answered.items() if isinstance(answer, UsertrackError)},
        failures=_failures(now, sought.catalogue),
    )


def _parts(week: Week) -> dict[str, tuple[str, dict[str, Any]]]:
    """The queries of the report by what they are for. ``since`` begins the window on Monday, ``days`` reaches behind it."""
    window = {"days": 8, "since": week.since}
    return {
        "traffic": ("posthog/traffic_days", {"days": 15, "since": week.before.since}),
        "pages": ("posthog/pages", window),
        "referrers": ("posthog/traffic_sources", window),
        "countries": ("posthog/traffic_countries", window),
        "new_users": ("neon/new_users", window),
        "new_people": ("posthog/new_people", window),
        "newest_events": ("posthog/newest", {}),
        "newest_rows": ("neon/newest", {}),
    }


def _moved(found: Classification, was: Classification | Snapshot, sought: Sought, now: datetime) -> Moved:
    with tempfile.TemporaryDirectory(prefix="usertrack-") as folder:
        moved = look_back(found, was, sought.place, Path(folder) / "compared.duckdb", now)
    if sought.keep:
        keep_both(found, was, sought.place, now)
    return moved


def _failures(runner: Runner, catalogue: Catalogue) -> Investigation | UsertrackError:
    try:
        found = investigate(runner, catalogue, days=FAILURE_DAYS)
    except UsertrackError as error:
        return error
    assert isinstance(found, Investigation)  # only a person can fail to use a tool
    return found


