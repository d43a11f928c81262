"""The actions of one person, newest first, from both sources: what both tell of one run is one entry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from usertrack.core.table import Row, Table
from usertrack.core.words import plural
from usertrack.library.masking import fingerprint, real

_LATEST = timedelta(minutes=10)  # how long after its begin an event may tell of a run, and calls may be a run's
BY_TIME = "which calls are a run's is judged by time alone: runs and calls have no key in common"


def timeline(
    parts: Mapping[str, Table], copies: Mapping[str, str] = MappingProxyType({}), *, masked: bool = True
) -> tuple[Row, ...]:
    """(at, kind, what, outcome, detail, began_at), newest first, of events and backend actions.

    What failed stands where it ended.

    Why something failed is a fingerprint, or, where it is not ``masked``, the message itself. ``copies`` are the
    events that tell of rows, by their entity: one up to ten minutes after a run began, and before the next one, is told
    with that run. If the rows of one source were truncated, the timeline ends where that source does: it has no holes.
    """
    why = fingerprint if masked else real
    events: list[Row] = [
        (at, "event", event, None, detail or page, at)
        for at, event, page, detail, _ in (parts["events"].rows if "events" in parts else ())
    ]
    actions: list[Row] = [
        (at, kind, name, outcome, why(detail) if outcome == "failed" and detail else detail, *(began_at or [at]))
        for at, kind, name, outcome, detail, *began_at in (parts["actions"].rows if "actions" in parts else ())
    ]
    cut = [rows[-1][5] for name, rows in (("events", events), ("actions", actions)) if rows and parts[name].truncated]
    known = [row for row in _once(events, actions, copies) if not cut or row[0] >= max(cut)]
    return tuple(sorted(known, key=lambda row: (row[0], row[1], str(row[2])), reverse=True))


_KINDS = {"runs": "run", "calls": "tool", "code_runs": "code", "agent_runs": "agent", "deployments": "custom tool"}
"""What the rows of an entity are in a timeline."""


def _once(events: Sequence[Row], actions: Sequence[Row], copies: Mapping[str, str]) -> list[Row]:
    """``actions`` and ``events``, but for a copy of an action: its name is in the detail of that one."""
    began = sorted(actions, key=lambda row: row[5])
    places: dict[str, list[int]] = {}
    for at, row in enumerate(began):
        places.setdefault(row[1], []).append(at)
    copy_of: dict[int, Row] = {}
    for event in events:
        own = places.get(_KINDS.get(copies.get(event[2], ""), ""), [])
        before = [at for at in own if began[at][5] <= event[0] <= max(began[at][0], began[at][5] + _LATEST)]
        if before and before[-1] not in copy_of:
            copy_of[before[-1]] = event
    twice = {id(event) for event in copy_of.values()}
    told = [
        (*row[:4], " · ".join(filter(None, (row[4], f"{copy_of[at][2]} in PostHog"))), row[5]) if at in copy_of else row
        for at, row in enumerate(began)
    ]
    return [*told, *(row for row in events if id(row) not in twice)]


@dataclass(frozen=True)
class FailedRun:
    """A run that failed ``at``, and (tool, outcome) of the calls until then, or at least ten minutes, or the next run.

    Both count from its begin on.
    """

    at: datetime
    message: str
    calls: tuple[tuple[str, str], ...]

    @property
    def words(self) -> str:
        """``2 calls, 1 failed: hubspot_search``."""
        failed = [tool for tool, outcome in self.calls if outcome == "failed"]
        if not self.calls:
            return "no call"
        return f"{plural(len(self.calls), 'call')}, " + (
            f"{len(failed)} failed: {', '.join(dict.fromkeys(failed))}" if failed else "none failed"
        )


def failed_runs(rows: Sequence[Row]) -> list[FailedRun]:
    """The failed runs of a `timeline`, newest first, each beside its tool calls."""
    runs = sorted(row[5] for row in rows if row[1] == "run")
    calls = [row for row in rows if row[1] == "tool"]
    failed = []
    for at, kind, _, outcome, detail, began_at in rows:
        if kind == "run" and outcome == "failed":
            end = min([max(at, began_at + _LATEST), *(start for start in runs if start > began_at)])
            own = tuple((str(call[2]), str(call[3])) for call in calls if began_at <= call[5] < end)
            failed.append(FailedRun(at, str(detail or "no message"), own))
    return failed
