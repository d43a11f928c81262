"""One person's dossier, from both sources: account, segments, activity, tools, failures, sessions, timeline."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from usertrack.core.errors import UsertrackError
from usertrack.core.period import in_zone
from usertrack.core.source_names import POSTGRES
from usertrack.core.table import Column, Row, Table
from usertrack.engine.runner import Runner
from usertrack.library.causes import Catalogue, Cause
from usertrack.library.entities import EMAIL
from usertrack.library.library import Statement
from usertrack.library.masking import fingerprint, real
from usertrack.library.own_words import PLAIN, OwnWords
from usertrack.reports.timeline import timeline
from usertrack.segments.explain import Explanation, explain
from usertrack.segments.profiles import ProfileFact, Profiles
from usertrack.segments.rules import SegmentSet

DAYS = 30  # of activity: as long as a month of MAU
_TIMELINE = 500  # events and actions in a dossier at the most; a note says when there are more

PARTS = {
    "origin": "posthog/user_origin",
    "mcp": "posthog/user_mcp",
    "sessions": "posthog/user_sessions",
    "events": "posthog/user_events",
    "event_hours": "posthog/user_hours",
    "tools": f"{POSTGRES}/user_tools",
    "runs": f"{POSTGRES}/user_runs",
    "tool_failures": f"{POSTGRES}/user_tool_failures",
    "custom_tools": f"{POSTGRES}/user_custom_tools",
    "actions": f"{POSTGRES}/user_timeline",
    "action_hours": f"{POSTGRES}/user_hours",
}


@dataclass(frozen=True)
class Dossier:
    """``parts`` by name as in PARTS; parts without an answer are in ``missing``, with the reason.

    ``email`` is the value of the ``key`` of profiles; ``spellings`` are those of it in the sources. ``facts`` are those
    of the profile by name, with their ``values``. ``days`` are the 31 calendar days, in the workspace's
    timezone, that the last 30 days touch, oldest first: (day, actions of any kind).
    ``hours`` has these actions by weekday, Monday first, and hour. The column ``real`` of parts has messages as they
    were written, not to be passed on; those of the ``timeline`` are masked.
    """

    email: str
    as_of: datetime
    explanations: dict[str, Explanation]
    facts: dict[str, ProfileFact]
    values: dict[str, Any]
    parts: dict[str, Table]
    spellings: tuple[str, ...]
    missing: dict[str, str] = field(default_factory=dict)
    days: tuple[tuple[date, int], ...] = ()
    hours: tuple[tuple[int, ...], ...] = ()
    timeline: tuple[Row, ...] = ()
    copies: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    words: OwnWords = PLAIN
    key: str = EMAIL


def dossier(runner: Runner, profiles: Profiles, email: str) -> Dossier:
    """All data on one person; raises UsageError with near matches when nobody is called ``email``."""
    explanations = {
        name: explain(profiles, segment_set, email, flips=False) for name, segment_set in profiles.rules.sets.items()
    }
    person = explain(profiles, SegmentSet("", ()), email)
    key = person.key
    spellings = profiles.spellings or [key]
    present = runner.library.present(PARTS.values())
    statements = {part: _statement(runner, part, query, spellings) for part, query in PARTS.items() if query in present}
    answers = dict(zip(statements, runner.run(list(statements.values())), strict=True))
    parts = {name: answer for name, answer in answers.items() if isinstance(answer, Table)}
    causes = runner.library.catalogue
    parts |= {name: _by_cause(causes, parts[name], *how) for name, how in _CAUSES.items() if name in parts}
    days, week = _activity(parts, runner)
    missing = {name: answer.message for name, answer in answers.items() if isinstance(answer, UsertrackError)}
    return Dossier(
        email=key,
        as_of=profiles.as_of,
        explanations=explanations,
        facts=profiles.facts,
        values=person.facts,
        parts=parts,
        spellings=tuple(spellings),
        missing=missing,
        days=tuple(days.items()),
        hours=tuple(tuple(week[weekday, hour] for hour in range(24)) for weekday in range(7)),
        timeline=timeline(parts, runner.library.copies),
        copies=runner.library.copies,
        words=runner.library.words,
        key=profiles.key,
        notes=tuple(dict.fromkeys([*profiles.notes, *missing.values(), *_truncation_notes(parts)])),
    )


def _statement(runner: Runner, part: str, query: str, spellings: list[str]) -> Statement:
    limit = _TIMELINE if part in ("events", "actions", "sessions") else None
    return runner.bind(query, {"email": spellings}, limit=limit)


_CAUSES = {"runs": ("workflow", "outcome", "runs"), "tool_failures": ("tool", "tool", "failures")}
"""Parts with raw messages: the level of the failures, the column to group by, the column to add up."""


def _by_cause(catalogue: Catalogue, table: Table, level: str, group: str, count: str) -> Table:
    """``table`` with one row per ``group`` and fingerprint, most first; ``real`` is the latest message as written.

    ``cause`` and ``owner`` are those of `failures.yaml`.
    """
    totals: dict[tuple[str, str | None], tuple[int, datetime, datetime]] = {}
    latest: dict[tuple[str, str | None], str | None] = {}
    causes: dict[tuple[str, str | None], Cause] = {}
    for row in table.dicts():
        failed = row.get("outcome", "failed") == "failed"
        text = fingerprint(row["message"] or "", row.get("error_type") or "", row["credits"]) if failed else None
        total = totals.get((row[group], text), (0, datetime.max, datetime.min))
        if text and (row[group], text) not in causes:
            provider = row.get("provider") or ""
            causes[row[group], text] = catalogue.cause_of(level, text, tool=row[group], provider=provider)
        if failed and row["last_at"] >= total[2]:
            latest[row[group], text] = real(row["message"] or "") or text
        totals[row[group], text] = (
            total[0] + row[count],
            min(total[1], row["first_at"]),
            max(total[2], row["last_at"]),
        )
    rows: list[Row] = [
        (*key, *((cause.label, cause.owner) if cause and cause.known else (None, None)), *counts, latest.get(key))
        for key, counts in totals.items()
        for cause in [causes.get(key)]
    ]
    rows.sort(key=lambda row: (-row[4], row[0], row[1] or ""))
    kinds = (
        (group, "VARCHAR"),
        ("message", "VARCHAR"),
        ("cause", "VARCHAR"),
        ("owner", "VARCHAR"),
        (count, "BIGINT"),
        ("first_at", "TIMESTAMP"),
        ("last_at", "TIMESTAMP"),
        ("real", "VARCHAR"),
    )
    return replace(table, columns=tuple(Column(*kind) for kind in kinds), rows=rows)


def _activity(parts: dict[str, Table], runner: Runner) -> tuple[dict[date, int], Counter[tuple[int, int]]]:
    """Actions per day, and per weekday and hour, of both sources together; 0 for days without any.

    The first day is partial.
    """
    last = in_zone(runner.as_of, runner.settings["timezone"]).date()
    totals = {last - timedelta(days=back): 0 for back in range(DAYS, -1, -1)}
    week = Counter[tuple[int, int]]()
    for name in ("event_hours", "action_hours"):
        for day, hour, actions in parts[name].rows if name in parts else ():
            if day in totals:
                totals[day] += actions
                week[day.weekday(), hour] += actions
    return totals, week


def _truncation_notes(parts: dict[str, Table]) -> list[str]:
    return [f"{name}: only the newest {len(table.rows)} are shown" for name, table in parts.items() if table.truncated]
