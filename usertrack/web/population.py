"""Everybody's profiles, kept open between requests: each set of segments divides them once, and any thread may read.

A thread reads through a cursor of its own. The tables of a division lie in a schema of their own, so that one set does
not replace what another is being read from.
"""

import copy
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from usertrack.core.errors import UsertrackError
from usertrack.core.ordinary import FEWEST_WEEKS
from usertrack.core.source_names import POSTGRES
from usertrack.core.spool import SpooledRows
from usertrack.core.table import Column, Table
from usertrack.segments.analysis import Analysis
from usertrack.segments.classify import Classification, SegmentCount, classify
from usertrack.segments.history.backfill import backfill
from usertrack.segments.history.file import HistoryFile, open_history
from usertrack.segments.history.snapshots import Snapshot, snapshots
from usertrack.segments.history.timeline import best_of_days
from usertrack.segments.history.transitions import MoveCounts, SnapshotPair, moves, record_and_compare
from usertrack.segments.profiles import Profiles
from usertrack.segments.rules import Rules, SegmentSet
from usertrack.web.answers import Answer, Answers

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DEMO_WEEKS = FEWEST_WEEKS + 1  # that the demo's history begins with: it knows what an ordinary week is then
_SECONDS = 20.0  # after which a question that somebody wrote is given up
_LASTS = 300.0  # seconds: who turns pages does not wait for everybody to be asked again
_FRESH = timedelta(hours=12)  # a look at a page is recorded in the history twice a day at the most


@dataclass(frozen=True)
class Division:
    """A set of segments over the population. ``schema`` has its table `classified`."""

    segment_set: SegmentSet
    schema: str
    counts: tuple[SegmentCount, ...]


@dataclass(frozen=True)
class Past:
    """The history of a set: a snapshot for each week, oldest first, and who moved since a week ago."""

    weeks: tuple[Snapshot, ...] = ()
    moved: MoveCounts | None = None
    moves: Table | None = None
    note: str = ""


class Population:
    """The profiles of people or of organizations, divided by each set of segments."""

    def __init__(self, profiles: Profiles) -> None:
        self._profiles = profiles
        self.divisions: dict[str, Division] = {}
        for number, segment_set in enumerate(profiles.rules.sets.values()):
            schema = f"set_{number}"
            profiles.connection.execute(f"CREATE SCHEMA {schema}")
            with self._open(schema) as own:
                counts = classify(own, segment_set).counts
            self.divisions[segment_set.name] = Division(segment_set, schema, counts)

    @property
    def rules(self) -> Rules:
        return self._profiles.rules

    @contextmanager
    def profiles(self) -> Iterator[Profiles]:
        """The profiles, for this thread."""
        with self._open("main") as own:
            yield own

    @contextmanager
    def classification(self, set_name: str) -> Iterator[Classification]:
        """The people of one set, for this thread."""
        division = self.divisions[set_name]
        with self._open(division.schema) as own:
            yield Classification(own, division.segment_set, division.counts)

    def table(self, name: str, scan: str, columns: Sequence[Column]) -> Table:
        """The rows of ``scan``, which names the schema of each table; any thread may read them, at any time."""
        with self.profiles() as own:
            (count,) = own.row(f"SELECT count(*) FROM {scan}")
        rows = SpooledRows(scan, columns, count, self._profiles.connection)
        return Table(tuple(columns), rows, name=name, source=f"{POSTGRES}+posthog", as_of=self._profiles.as_of)

    @contextmanager
    def _open(self, schema: str) -> Iterator[Profiles]:
        own = copy.copy(self._profiles)
        own.notes = [*self._profiles.notes]
        with self._profiles.connection.cursor() as cursor:
            own.connection = cursor
            cursor.execute(f"SET search_path = '{schema},main'")
            yield own


@contextmanager
def patience(connection: "DuckDBPyConnection") -> Iterator[None]:
    """Give up what runs on ``connection`` after a while: duckdb.InterruptException."""
    timer = threading.Timer(_SECONDS, connection.interrupt)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def population_of(answers: Answers, by: str = "", *, since: datetime | None = None) -> Answer[Population]:
    """Everybody, or with ``by`` every organization; asked ``since`` then."""

    def ask(analysis: Analysis) -> Population:
        return Population(analysis.profiles(analysis.rules(by), last=True))

    return answers.ask(("population", by), ask, since=since, lasts=_LASTS)


def knows_past(answers: Answers, by: str = "") -> bool:
    """Whether `past_of` everybody is given at once."""
    population = answers.known(("population", by))
    return population is not None and answers.known(_past_of(population)) is not None


def past_of(answers: Answers, population: Answer[Population]) -> Answer[dict[str, Past]]:
    """Return what the history knows of each set, by its name, beside this ``population``.

    The demo's history begins with some weeks, which takes long.
    """
    people = population.value

    def ask(analysis: Analysis) -> dict[str, Past]:
        place = analysis.history()
        if place is None:
            return dict.fromkeys(people.divisions, Past(note="the history is switched off"))
        if analysis.settings.uses_demo:
            rules = analysis.rules(people.rules.by)
            backfill(analysis.runner, rules, list(rules.sets.values()), place, DEMO_WEEKS, analysis.progress)
        return {name: _past(people, name, place, analysis) for name in people.divisions}

    return answers.ask(_past_of(population), ask, lasts=_LASTS)


def _past_of(population: Answer[Population]) -> tuple[object, ...]:
    return "past", population.value.rules.by, population.asked_at


def _past(population: Population, set_name: str, place: HistoryFile, analysis: Analysis) -> Past:
    with population.classification(set_name) as classification:
        own = classification.profiles
        before, listed = len(own.notes), list[Table]()

        def listing(pair: SnapshotPair) -> None:
            columns = moves(own.connection, pair, own.key).columns
            listed.append(population.table("moves", f"{population.divisions[set_name].schema}.moved", columns))

        try:
            recent = _recorded(own, place, set_name)
            is_fresh = any(own.as_of.replace(tzinfo=None) - snapshot.as_of < _FRESH for snapshot in recent)
            moved = record_and_compare(classification, place, analysis.runner.now, passing=is_fresh, look=listing)
            weeks = _weekly(_recorded(own, place, set_name), analysis.settings["timezone"])
        except UsertrackError as problem:
            return Past(note=problem.message)
        return Past(weeks, moved, listed[0] if listed else None, "; ".join(own.notes[before:]))


def _recorded(profiles: Profiles, place: HistoryFile, set_name: str) -> list[Snapshot]:
    if not place.path.exists():
        return []
    with open_history(profiles.connection, place):
        known = snapshots(profiles.connection, place, set_name, until=profiles.as_of.replace(tzinfo=None))
    return [snapshot for snapshot in known if snapshot.key == profiles.key]


def _weekly(known: list[Snapshot], timezone: str) -> tuple[Snapshot, ...]:
    """The last day of each week that was recorded."""
    return tuple({snapshot.as_of.isocalendar()[:2]: snapshot for snapshot in best_of_days(known, timezone)}.values())
