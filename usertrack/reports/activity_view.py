"""The activity page, from cards to segments: each section is a part with its queries, or its error."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Chart, Document, Field, Listing, Origin, Paragraph, Section, Spark
from usertrack.core.errors import Absent, UsertrackError
from usertrack.core.json_types import plain
from usertrack.core.provenance import provenance
from usertrack.core.sections import unknown_paragraph
from usertrack.core.words import number, people_words
from usertrack.library.library import Statement
from usertrack.product import compare as compared
from usertrack.product.activity.numbers import Activity
from usertrack.product.activity.view import activity_document, figures
from usertrack.product.churn.view import churn_document
from usertrack.product.features.numbers import Features
from usertrack.product.features.view import features_document
from usertrack.product.funnel.view import funnel_document
from usertrack.product.journeys.view import journeys_document
from usertrack.product.retention.numbers import FEWEST, DayRetention
from usertrack.product.retention.view import cohorts_document
from usertrack.product.scope import Scope
from usertrack.product.sessions.numbers import Sessions
from usertrack.product.sessions.view import session_figures, sessions_document
from usertrack.reports.activity import ActivityReport, PartAnswer
from usertrack.reports.activity_segments import SegmentActivity
from usertrack.reports.members import profile_origins
from usertrack.segments.profiles import Profiles

CARDS = ("dau", "wau", "mau", "engagement_score")
PAGE = ("activity", "sessions", "features", "journeys", "cohorts", "segments")
"""The parts of the page, in order."""


def activity_page(
    report: ActivityReport, recipe: Mapping[str, Any], templates: Path | None = None, limit: int | None = None
) -> Document:
    """The whole page. ``recipe`` is how to make it again; ``limit`` is the user's --limit."""
    scope = report.scope
    blocks = tuple(_blocks(report))
    notes = tuple(report.profiles.notes)
    return Document(
        title="User activity",
        subtitle=" · ".join([scope.window, *scope.conditions]),
        blocks=blocks,
        notes=notes,
        data=lambda: {
            **{key: value for key, value in scope.as_dict().items() if key not in ("interval", "breakdown")},
            "sections": [block.as_json(limit) for block in blocks if isinstance(block, Section)],
            "notes": list(notes),
        },
        timezone=scope.timezone,
        as_of=scope.as_of,
        layout="activity",
        templates=templates,
        provenance=provenance(blocks, recipe, limit),
    )


def _blocks(report: ActivityReport) -> Iterator[Block]:
    own = profile_origins(report.profiles, report.profiles.queries)
    for name in PAGE:
        people_origins = own if report.scope.segment or name == "segments" else ()
        yield from sections(name, getattr(report, name), report.scope, people_origins, report.profiles)


def sections(
    name: str,
    part: PartAnswer[Any],
    scope: Scope,
    people_origins: Sequence[Origin] = (),
    profiles: Profiles | None = None,
) -> Iterator[Section]:
    """The part called ``name`` under its headings, or its error; nothing where it rests on what is absent here.

    ``people_origins`` are the queries that said who is counted. Segments alone need ``profiles``.
    """
    if isinstance(part.answer, Absent):
        return
    queries = (*origins(part.statements, scope), *people_origins)
    for heading, blocks in _SECTIONS[name].items():
        if isinstance(part.answer, UsertrackError):
            yield Section(heading, (unknown_paragraph(part.answer.message),), queries)
        else:
            yield Section(heading, tuple(blocks(part.answer, profiles)), queries)


def origins(statements: Sequence[Statement], scope: Scope) -> tuple[Origin, ...]:
    """Each query once, by name, without the e-mails of a segment's people."""
    by_key: dict[str, Origin] = {}
    for statement in statements:
        params = statement.query.params if statement.query else {}
        values = {name: value for name, value in statement.values.items() if name in params and name != "people"}
        origin = Origin(statement.name, values, statement.source, scope.as_of)
        by_key.setdefault(f"{statement.name} {plain(values)}", origin)
    return tuple(by_key[key] for key in sorted(by_key))


def _blocks_of(document: Document, command: str) -> list[Block]:
    """The blocks and notes of a part's own document, and its command."""
    notes = (*document.notes, f"more with `usertrack {command}`")
    return [*document.blocks, *(Paragraph(text, "dim") for text in notes)]


def _cards(activity: Activity) -> list[Block]:
    now, before = figures(activity)
    return [replace(compared.listing({name: now[name] for name in CARDS}, before), tiles=True)]


def _activity(activity: Activity) -> list[Block]:
    """The days as one chart, then the figures that are neither on cards nor about sessions."""
    now, before = figures(activity)
    rest_figures = {
        name: figure for name, figure in now.items() if name not in (*CARDS, *session_figures(activity.now.visits))
    }
    _, *rest = [block for block in _blocks_of(activity_document(activity), "activity") if not isinstance(block, Chart)]
    return [*_trend(activity), compared.listing(rest_figures, before), *rest]


def _trend(activity: Activity) -> Iterator[Chart]:
    days = [day for day in activity.now.active.days if day.complete]
    if len(days) > 1:
        series = {name.upper(): [getattr(day, name) for day in days] for name in ("mau", "wau", "dau")}
        yield Chart(
            "trend",
            "DAU, WAU, MAU",
            [day.start.date() for day in days],
            series,
            caption="on each day, in the 7 days and in the 30 days to it",
        )


def _sessions(sessions: Sessions) -> list[Block]:
    """Each table under the name of its trait."""
    blocks = _blocks_of(sessions_document(sessions), "sessions")
    by = {at: block for at, block in enumerate(blocks) if isinstance(block, Listing) and "value" in block.fields}
    return [
        replace(by[at], heading=by[at].fields["value"].label) if at in by else block for at, block in enumerate(blocks)
    ]


def _features(features: Features) -> list[Block]:
    """With a note where the window begins within the first week."""
    scope = features.scope
    starts_on_week = scope.starts[0].astimezone(UTC) == scope.since
    note = f"the week of {scope.label(scope.starts[0])} counts from {scope.window.partition(' – ')[0]} on"
    cut = [] if starts_on_week else [Paragraph(note, "dim")]
    *blocks, more = _blocks_of(features_document(features), "features")
    return [*blocks, *cut, more]


def _curve(cohorts: DayRetention) -> list[Block]:
    """The share of people who came back on each day after their first, up to the last day with enough people."""
    known = cohorts.groups[0].drawn
    if len(known) < 2:
        return [Paragraph(f"fewer than {FEWEST} people began long enough ago", "dim")]
    label = f"Back on a day after the first {cohorts.query.target or 'event'}"
    sizes = [size for *_, size in known]
    shares = {"back": [people / size for _, people, size in known]}
    caption = (
        f"of {people_words(known[0][2])} on day {known[0][0]}, {number(known[-1][2])} on day {known[-1][0]}; it ends "
        f"before the days known of fewer than {FEWEST}"
    )
    return [
        Chart("trend", label, [f"day {day}" for day, *_ in known], shares, unit="percent", caption=caption, sizes=sizes)
    ]


def _cohorts(cohorts: DayRetention) -> list[Block]:
    """Without the curve, which has its own section."""
    return [block for block in _blocks_of(cohorts_document(cohorts), "cohorts") if not isinstance(block, Spark)]


def _segments(segments: Sequence[SegmentActivity], profiles: Profiles | None) -> list[Block]:
    total, tags = (profiles.people, profiles.rules.tags) if profiles else (0, {})

    def engagement(row: SegmentActivity) -> float | None:
        score = row.engagement.score if row.engagement else None
        return None if score is None else round(score, 1)

    revenue = Field("Revenue", "number", spare=True)
    columns: Columns[SegmentActivity] = Columns(
        Attribute("segment", "VARCHAR", "segment.name", Field("Segment", "tag", tags=tags)),
        Attribute("set", "VARCHAR", "set_name", Field("Set")),
        Attribute("kind", "VARCHAR", field=Field("Kind", spare=True)),
        Attribute("people", "BIGINT", field=Field("People", "number")),
        Attribute(
            "share",
            "DOUBLE",
            lambda row: row.people / total if row.people is not None and total else None,
            Field("Share", "bar", full=1.0),
        ),
        Attribute("engagement", "DECIMAL(18,1)", engagement, Field("Engagement", "number")),
        Attribute(
            "revenue", "DOUBLE", field=revenue if any(segment.revenue is not None for segment in segments) else None
        ),
        Attribute(
            "rule",
            "VARCHAR",
            lambda row: " ".join(row.segment.when.split()),
            Field("Who", "text", grows=True, spare=True),
        ),
    )
    note = f"of {people_words(total)}, as they are now; a person may be in several segments"
    return [columns.listing(segments), Paragraph(note, "dim")]


_SECTIONS: dict[str, dict[str, Callable[[Any, Profiles | None], Sequence[Block]]]] = {
    "activity": {"At a glance": lambda part, _: _cards(part), "Active people": lambda part, _: _activity(part)},
    "sessions": {"Sessions": lambda part, _: _sessions(part)},
    "features": {"Features": lambda part, _: _features(part)},
    "journeys": {"Journeys": lambda part, _: _blocks_of(journeys_document(part), "journeys")},
    "cohorts": {"Retention": lambda part, _: _curve(part), "Cohorts": lambda part, _: _cohorts(part)},
    "adoption": {"Funnel": lambda part, _: _blocks_of(funnel_document(part), "funnel")},
    "churn": {"Churn": lambda part, _: _blocks_of(churn_document(part), "churn")},
    "segments": {"Segments": lambda part, profiles: _segments(part, profiles)},
}
"""The sections of each part."""
