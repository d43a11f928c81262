"""Backfill: classify past weeks and record them, so that a new user has a history at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from usertrack.core.errors import UsageError
from usertrack.core.notify import Notify
from usertrack.core.spool import scratch
from usertrack.engine.runner import Runner
from usertrack.segments.classify import classify
from usertrack.segments.history.file import HistoryFile, open_history
from usertrack.segments.history.snapshots import WEEK, Snapshot, nearest, record, rules_digest, snapshots
from usertrack.segments.profiles import build_profiles
from usertrack.segments.rules import Rules, SegmentSet

_TOLERANCE = timedelta(hours=12)  # a snapshot that is no further from a moment counts as one of that moment


@dataclass
class Backfill:
    """The snapshots of each week and set, oldest first, each with whether it is new. ``notes`` say what was missing."""

    weeks: list[tuple[Snapshot, bool]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    incomplete: bool = False


def backfill(
    runner: Runner, rules: Rules, segment_sets: Sequence[SegmentSet], place: HistoryFile, weeks: int, notify: Notify
) -> Backfill:
    """Classify each of the ``weeks`` before the runner's moment, and that moment itself, for each set.

    A snapshot by the same rules stays; one by other rules is replaced.
    """
    result = Backfill()
    snapshots_by_set = {segment_set.name: _recorded_snapshots(place, segment_set.name) for segment_set in segment_sets}
    queries = {name: runner.library[name] for name in rules.queries}
    for back in range(weeks, -1, -1):
        moment = (runner.as_of - back * WEEK).replace(tzinfo=None)
        todo: dict[datetime, list[SegmentSet]] = {}
        for segment_set in segment_sets:
            snapshot = nearest(snapshots_by_set[segment_set.name], moment, _TOLERANCE)
            if snapshot and snapshot.rules == rules_digest(rules, queries, segment_set):
                result.weeks.append((snapshot, False))
            else:
                todo.setdefault(snapshot.as_of if snapshot else moment, []).append(segment_set)
        for at, sets in todo.items():
            notify(f"classifying {at:%Y-%m-%d}, {weeks - back + 1} of {weeks + 1}", passing=True)
            then = runner.at(at.replace(tzinfo=runner.as_of.tzinfo))
            profiles = build_profiles(then, rules)
            result.incomplete = result.incomplete or profiles.incomplete
            notes = [note for note in profiles.notes if not (then.past and note.startswith(then.past))]
            for segment_set in sets:
                classification = classify(profiles, segment_set)
                with open_history(profiles.connection, place, write=True):
                    try:
                        result.weeks.append((record(classification, place, then.now), True))
                    except UsageError as error:
                        notes.append(f"{profiles.as_of:%Y-%m-%d}: {error.message}; {error.hint}")
            result.notes += [note for note in notes if note not in result.notes]
    return result


def _recorded_snapshots(place: HistoryFile, set_name: str) -> list[Snapshot]:
    if not place.path.exists():
        return []
    with scratch() as connection, open_history(connection, place):
        return snapshots(connection, place, set_name)
