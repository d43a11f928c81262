"""The weekly report as a document: each section with the queries that its figures come from."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from usertrack.document import Block, Chart, Document, Facts, Listing, Origin, Paragraph, Section, Shown
from usertrack.errors import UsertrackError
from usertrack.failures.investigation import Investigation
from usertrack.library import Statement
from usertrack.measures import number
from usertrack.metrics import Scorecard
from usertrack.period import in_zone
from usertrack.provenance import provenance
from usertrack.report.failure_checklist import span
from usertrack.report.failures import in_short
from usertrack.report.members import moves, origins_of, people
from usertrack.report.metrics import metrics_document
from usertrack.report.sections import section_json
from usertrack.report.segments import afterwards_notes, difference_notes, match_notes, moment
from usertrack.segments import SegmentCount
from usertrack.table import Column, Row, Table
from usertrack.weekly import DAYS, Weekly

PEOPLE, MOVES, FAILURES, TOP = 8, 5, 6, 10  # rows of a list, unless --limit says otherwise


def weekly_document(
    found: Weekly, recipe: Mapping[str, Any], timezone: str, templates: Path | None = None, limit: int | None = None
) -> Document:
    """The whole report. ``recipe`` is how to have it again; ``limit`` is what the user asked for."""
    blocks = tuple(_blocks(found, timezone))
    title = f"Week {found.week.number}, {_span(found)}"
    notes = tuple(_notes(found, timezone))
    return Document(
        title=f"{title}{'' if found.finished else ' (not over yet)'}",
        subtitle=f"{found.week} · {timezone} · as of {moment(found.as_of, timezone)}",
        blocks=blocks,
        notes=notes,
        data=lambda: {
            "week": str(found.week),
            "finished": found.finished,
            "as_of": found.as_of,
            "timezone": timezone,
            "sections": [section_json(block, limit) for block in blocks if isinstance(block, Section)],
            "notes": list(notes),
        },
        timezone=timezone,
        as_of=found.as_of,
        layout="weekly",
        templates=templates,
        provenance=provenance(blocks, recipe, limit),
    )


def _span(found: Weekly) -> str:
    first, last = found.week.days[0], found.week.days[-1]
    return f"{first.day} {first:%b}{'' if first.year == last.year else f' {first.year}'} – {last.day} {last:%b %Y}"


def _blocks(found: Weekly, timezone: str) -> Iterator[Block]:
    if not found.finished:
        yield Paragraph(
            f"This week is not over: its figures end on {moment(found.as_of, timezone)}, and will grow", "warning"
        )
    yield _in_short(found, timezone)
    yield _scorecard(found)
    yield _segments(found)
    yield from (_segment(found, count) for count in found.found.counts if count.people is not None)
    yield _failures(found, timezone)
    yield _new_users(found)
    yield from _traffic(found)
    yield _data(found, timezone)


def _in_short(found: Weekly, timezone: str) -> Section:
    """The week in a few lines; each says what it can of what was answered."""
    pairs: list[tuple[str, Any]] = []
    origins: tuple[Origin, ...] = ()
    if "traffic" in found.parts:
        by_day = {row["day"]: row["visits"] for row in found.parts["traffic"].dicts()}
        now, before = (sum(by_day.get(day, 0) for day in week.days) for week in (found.week, found.week.before))
        change = f" ({100 * (now - before) / before:+.0f} % on the week before)".replace("-", "−") if before else ""
        pairs.append(("Visits", f"{number(now)}{change if found.finished else ''}"))
        origins += _asked(found, "traffic")
    if "new_users" in found.parts:
        did = {row["did"]: row["people"] for row in found.parts["new_users"].dicts()}
        pairs.append(
            ("New users", f"{number(did['signed up'])}, {number(did['started a workflow run'])} of them ran a workflow")
        )
        origins += _asked(found, "new_users")
    if isinstance(found.failures, Investigation):
        runs = found.failures.levels["workflow"]
        rate = f" ({runs.failed / runs.finished:.1%})".replace("%", " %") if runs.finished else ""
        pairs.append(("Failed runs", f"{number(runs.failed)} of {number(runs.finished)}{rate}"))
        said = [f"{one.cause}, {span(one, timezone)}, {len(one.people)} people hit" for one in found.failures.incidents]
        pairs.append(("Platform incidents", "; ".join(said) or "none"))
        origins += _failures_origins(found)
    return Section("In short", (Facts(tuple(pairs)),), origins)


# Origins


def _asked(found: Weekly, *parts: str) -> tuple[Origin, ...]:
    return tuple(_origin(found.asked[part], found.as_of) for part in parts)


def _origin(statement: Statement, as_of: datetime) -> Origin:
    params = statement.query.params if statement.query else {}
    values = {name: value for name, value in statement.values.items() if name in params}
    return Origin(statement.name, values, statement.source, as_of)


def _scorecard(found: Weekly) -> Section:
    if isinstance(found.scores, UsertrackError):
        return Section("Scorecard", (Paragraph(f"unknown: {found.scores.message}", "warning"),))
    document = metrics_document(found.scores)
    origins = tuple(
        Origin(score.query.name, {"days": DAYS}, score.query.source, found.scores.until)
        for score in found.scores.scores
    )
    return Section("Scorecard", (Paragraph(document.subtitle, "dim"), *document.blocks), origins)


# Segments


def _segments(found: Weekly) -> Section:
    total = found.found.bench.people
    rows: list[Row] = []
    for count in found.found.counts:
        entered, left = found.moved.counts.get(count.segment.id, (None, None))
        share = count.people / total if count.people is not None and total else None
        rows.append((count.segment.name, count.people, share, entered, left, count.segment.action))
    types = ("VARCHAR", "BIGINT", "DOUBLE", "BIGINT", "BIGINT", "VARCHAR")
    shown = {
        "segment": Shown("Segment", "tag"),
        "people": Shown("People", "number"),
        "share": Shown("Share", "bar", full=1.0),
        "entered": Shown("Entered", "number"),
        "left": Shown("Left", "number"),
        "action": Shown("Action"),
    }
    return Section(
        "Segments",
        (
            Listing(Table(tuple(map(Column, shown, types)), rows), shown=shown),
            Paragraph(f"of {number(total)} people; a person may be in several segments", "dim"),
        ),
        origins_of(found.found.bench),
    )


def _segment(found: Weekly, count: SegmentCount) -> Section:
    """Whom to act on and why, and who came and went."""
    segment, bench = count.segment, found.found.bench
    return Section(
        f"{segment.name}: {segment.action}" if segment.action else segment.name,
        (*people(found.found, segment.id, PEOPLE), *moves(found.moved, bench.key, segment.id, MOVES)),
        origins_of(bench, segment),
    )


# Failures


def _failures(found: Weekly, timezone: str) -> Section:
    if isinstance(found.failures, UsertrackError):
        return Section("Failures and incidents", (Paragraph(f"unknown: {found.failures.message}", "warning"),))
    return Section(
        "Failures and incidents", tuple(in_short(found.failures, timezone, FAILURES)), _failures_origins(found)
    )


def _failures_origins(found: Weekly) -> tuple[Origin, ...]:
    names = ("failure_levels", "failure_messages", "failure_windows")
    return tuple(Origin(f"neon/{name}", {"days": DAYS}, "neon", found.as_of) for name in names)


# New users


def _new_users(found: Weekly) -> Section:
    did = {"did": Shown("New users"), "people": Shown("People", "number"), "share": Shown("Share", "bar", full=1.0)}
    event = {"did": Shown("What they did"), "people": Shown("People", "number"), "times": Shown("Times", "number")}
    inner = (
        _part(found, "new_users", "Accounts", did, limit=0),
        _part(found, "new_people", "In the product", event, limit=TOP),
    )
    return Section("What new users did", inner)


def _part(found: Weekly, part: str, heading: str, shown: Mapping[str, Shown], limit: int) -> Section:
    """One query's answer with its name, or why there is none."""
    if part not in found.parts:
        return Section(heading, (Paragraph(f"unknown: {found.missing[part]}", "warning"),), _asked(found, part))
    table = found.parts[part]
    held = replace(table, rows=list(table.rows))
    block = Listing(held, shown=dict(shown), columns=tuple(shown), limit=limit)
    return Section(heading, (block if held.rows else Paragraph("none", "dim"),), _asked(found, part))


# Traffic


def _traffic(found: Weekly) -> Iterator[Block]:
    counted = {name: Shown(name.capitalize(), "number") for name in ("visits", "visitors", "pageviews")}
    by = {name: counted[name] for name in ("visits", "visitors")}
    yield Section(
        "Traffic",
        (
            _days(found),
            _part(found, "pages", "Top pages", {"page": Shown("Page"), **counted}, TOP),
            _part(found, "referrers", "Top referrers", {"domain": Shown("Domain"), **by}, TOP),
            _part(found, "countries", "Top countries", {"country": Shown("Country"), **by}, TOP),
        ),
    )


def _days(found: Weekly) -> Section:
    if "traffic" not in found.parts:
        return _part(found, "traffic", "Per day", {}, 0)
    by_day = {row["day"]: row for row in found.parts["traffic"].dicts()}
    today = in_zone(found.as_of, found.week.zone).date()
    week = timedelta(days=7)
    rows = [_day(day, by_day, today, found) for day in found.week.days if day in by_day]
    weeks = {
        str(found.week): found.week.days,
        f"{found.week.before}, the week before": [day - week for day in found.week.days],
    }
    series = {
        name: [by_day[day]["visits"] if day in by_day and _whole(day, today, found) else None for day in days]
        for name, days in weeks.items()
    }
    chart = Chart("trend", "Visits per day", found.week.days, series, caption="visits that began on each day")
    shown = {
        "day": Shown("Day"),
        "visits": Shown("Visits", "number"),
        "before": Shown("A week before", "number"),
        "visitors": Shown("Visitors", "number"),
        "pageviews": Shown("Pageviews", "number"),
    }
    types = ("VARCHAR", *["BIGINT"] * 4)
    listing = Listing(Table(tuple(map(Column, shown, types)), rows), shown=shown, limit=0)
    return Section("Per day", (chart, listing), _asked(found, "traffic"))


def _whole(day: date, today: date, found: Weekly) -> bool:
    return day < today or (day == today and found.finished)


def _day(day: date, by_day: Mapping[date, Mapping[str, Any]], today: date, found: Weekly) -> Row:
    row, before = by_day[day], by_day.get(day - timedelta(days=7), {})
    mark = "" if _whole(day, today, found) else " (not over)"
    return (
        f"{day:%a} {day.day} {day:%b}{mark}",
        row["visits"],
        before.get("visits"),
        row["visitors"],
        row["pageviews"],
    )


# The data itself


def _data(found: Weekly, timezone: str) -> Section:
    bench = found.found.bench
    who = tuple(origin for origin in origins_of(bench) if bench.queries[origin.query].people)
    match = {name.replace("_", " "): value for name, value in bench.match.as_dict().items() if value is not None}
    newest: list[Row] = [
        (row["kind"], row["newest_at"])
        for part in ("newest_events", "newest_rows")
        if part in found.parts
        for row in found.parts[part].dicts()
    ]
    shown = {"kind": Shown("What"), "newest_at": Shown("Newest seen")}
    table = Table((Column("kind"), Column("newest_at", "TIMESTAMP")), newest, as_of=found.as_of, timezone=timezone)
    return Section(
        "The data behind this",
        (
            Section("How the sources met", (Facts(tuple(match.items())),), who),
            Section(
                "How far they reach", (Listing(table, shown=shown),), _asked(found, "newest_events", "newest_rows")
            ),
        ),
    )


def _notes(found: Weekly, timezone: str) -> Iterator[str]:
    bench = found.found.bench
    yield from bench.notes
    yield from dict.fromkeys(found.missing.values())
    yield from (f"{count.segment.name}: unknown, because {count.unknown}" for count in found.found.unknown)
    pair = found.moved.pair
    yield from difference_notes(pair)
    yield from afterwards_notes([snapshot for snapshot in (pair.before, pair.after) if snapshot.afterwards], timezone)
    yield from match_notes(bench.match)
    if isinstance(found.failures, Investigation):
        yield from found.failures.notes
    hours = (found.week.until - found.week.since + timedelta(microseconds=1)) // timedelta(hours=1)
    if hours != 168:
        yield f"clocks changed in this week, which has {hours} hours; failures are those of the last 168"
    if isinstance(found.scores, Scorecard):
        yield from (f"{s.metric.label}: unknown, because {s.error.message}" for s in found.scores.scores if s.error)
    if not found.finished:
        yield (
            "the scorecard is of the last 7 days that are over; failures are those of the last 7 days, and people "
            "entered or left since 7 days ago"
        )
