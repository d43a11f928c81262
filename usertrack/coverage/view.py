"""The coverage of a plan as a document: the figures, then what keeps them from being higher."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from usertrack.core.columns import Attribute, Columns, Record
from usertrack.core.document import Block, Document, Field, Listing, Paragraph
from usertrack.core.words import number, plural
from usertrack.coverage.events import CoveredEvent, computed_names
from usertrack.coverage.numbers import GROUPINGS, Coverage, CoverageCounts, CoveredUse, GroupCounts, MeasuredMetric
from usertrack.coverage.properties import CoveredProperty
from usertrack.plan.scan.site import CallSite

_MOST = 60  # rows that people see of one listing, unless --limit says otherwise


@dataclass(frozen=True)
class Ratio:
    """One line of the figures: ``part`` of ``total``; None where nobody asked."""

    name: str
    part: int | None
    total: int

    @property
    def rate(self) -> float | None:
        return self.part / self.total if self.part is not None and self.total else None


def figures_of(coverage: Coverage) -> list[Ratio]:
    """Every figure with its denominator, but for those of which there is none."""
    funnels, segments = coverage.visible("funnel"), coverage.visible("segment")
    covered = "covered" if coverage.arrivals else "in code"
    lines = [
        *_three("planned events", coverage.of_events),
        *_three("required properties", coverage.of_required),
        *(
            Ratio(f"{name} properties that all have", _complete(rows), len(rows))
            for name, rows in (("planned person", coverage.persons), ("planned group", coverage.groups))
            if coverage.arrivals
        ),
        Ratio(f"steps of funnels {covered}", funnels.holders, funnels.total),
        Ratio(f"facts of segments {covered}", segments.holders, segments.total),
    ]
    return [line for line in lines if line.total or line.name.startswith("planned events")]


def _three(name: str, counts: CoverageCounts) -> list[Ratio]:
    return [
        Ratio(f"{name} {place}", part, counts.total)
        for place, part in (
            ("in code", counts.in_code),
            ("in data", counts.in_data),
            ("in code and data", counts.in_both),
        )
    ]


def _complete(rows: Sequence[CoveredProperty]) -> int | None:
    """Count the properties that all have; None where there is nobody who could."""
    known = [row.complete for row in rows if row.complete is not None]
    return sum(known) if known else None


def _of(part: int | None, total: int) -> str:
    return f"{'not asked' if part is None else number(part)} of {number(total)}"


_FIGURES = Columns[Ratio](
    Attribute("figure", "VARCHAR", "name", Field("Figure")),
    Attribute("part", "BIGINT", field=Field("Of", "text", align="right"), text=lambda row: _of(row.part, row.total)),
    Attribute("total", "BIGINT"),
    Attribute("rate", "DOUBLE", field=Field("Coverage", "bar", full=1.0)),
)
_GROUPS = Columns[GroupCounts](
    Attribute("name", "VARCHAR", lambda row: row.name or "without one", Field(" ")),
    Attribute("planned", "BIGINT", "events.total", Field("Planned", "number")),
    Attribute("in_code", "BIGINT", "events.in_code", Field("In code", "number")),
    Attribute("in_data", "BIGINT", "events.in_data", Field("In data", "number")),
    Attribute("in_code_and_data", "BIGINT", "events.in_both", Field("In both", "number")),
    Attribute("rate", "DOUBLE", "events.headline", Field("Coverage", "bar", full=1.0)),
    Attribute(
        "required",
        "BIGINT",
        "required.total",
        Field("Required properties", "text", align="right", spare=True),
        lambda row: _of(row.required.seen, row.required.total) if row.required.total else None,
    ),
    Attribute("required_in_code", "BIGINT", "required.in_code"),
    Attribute("required_in_data", "BIGINT", "required.in_data"),
    Attribute("required_in_code_and_data", "BIGINT", "required.in_both"),
)


def _place(event: CoveredEvent) -> str | None:
    if not event.sites:
        return None
    more = f" +{len(event.sites) - 1}" if len(event.sites) > 1 else ""
    return f"{event.sites[0].file}:{event.sites[0].line}{more}"


def _remark(event: CoveredEvent) -> str | None:
    parts = []
    if event.replaced_by:
        parts.append(f"replaced by {event.replaced_by}")
    elif event.planned and event.planned.status == "deprecated":
        parts.append("deprecated")
    if event.near:
        parts.append(f"{'meant as' if not event.planned else 'sent as'} {' or '.join(event.near)}?")
    return ", ".join(parts) or None


EVENTS = Columns[CoveredEvent](
    Attribute("event", "VARCHAR", "name", Field("Event")),
    Attribute("state", "VARCHAR", "state.value", Field("State", "tag")),
    Attribute("planned", "BOOLEAN", lambda row: row.planned is not None),
    Attribute("counts", "BOOLEAN"),
    Attribute("site", "VARCHAR", lambda row: _place(row), Field("Where")),
    Attribute("events", "BIGINT", "arrival.events", Field("Events", "number")),
    Attribute("remark", "VARCHAR", _remark, Field("Remark", spare=True)),
    Attribute("tier", "VARCHAR", "planned.tier", Field("Tier", spare=True)),
    Attribute("phase", "VARCHAR", "planned.phase"),
    Attribute("owner", "VARCHAR", "planned.owner"),
    Attribute("replaced_by", "VARCHAR", lambda row: row.replaced_by or None),
    Attribute("sites", "BIGINT", lambda row: len(row.sites)),
    Attribute("first_at", "TIMESTAMP", "arrival.first_at"),
    Attribute("last_at", "TIMESTAMP", "arrival.last_at", Field("Last", "when", spare=True)),
    Attribute("near", "VARCHAR[]", lambda row: list(row.near)),
    Attribute(
        "days", "BIGINT[]", lambda row: row.arrival and list(row.arrival.days), Field("Days", "spark", spare=True)
    ),
)


_SITES = Columns[CallSite](Attribute("file", "VARCHAR"), Attribute("line", "BIGINT"), Attribute("pattern", "VARCHAR"))


def _in_code(row: CoveredProperty) -> str | None:
    if row.always is None:
        return None
    return "always" if row.always else f"{row.sending} of {plural(row.sites, 'site')}" if row.sending else "no"


def _kind(row: CoveredProperty) -> str:
    return "required" if row.required else "planned" if row.planned else "unplanned"


_PROPERTIES = Columns[CoveredProperty](
    Attribute("of", "VARCHAR", field=Field("Event")),
    Attribute("property", "VARCHAR", "name", Field("Property")),
    Attribute("kind", "VARCHAR", _kind, Field("Kind")),
    Attribute("sites", "BIGINT"),
    Attribute("sending", "BIGINT"),
    Attribute("always", "BOOLEAN", field=Field("In code"), text=_in_code),
    Attribute("holders", "BIGINT", "presence.holders"),
    Attribute("total", "BIGINT", "presence.total", Field("Of", "number")),
    Attribute("rate", "DOUBLE", "presence.rate", Field("Have it", "percent")),
    Attribute("near", "VARCHAR[]", lambda row: list(row.near), Field("Meant as", "list", spare=True)),
)
_OF_SOMEBODY = Columns[CoveredProperty](
    *(_PROPERTIES.show(name, Field(label)) for name, label in (("of", "Of"), ("property", "Property"))),
    *(attribute for attribute in _PROPERTIES.attributes if attribute.name in ("always", "holders", "total", "rate")),
)
_USES = Columns[CoveredUse](
    Attribute("kind", "VARCHAR", "use.kind"),
    Attribute("name", "VARCHAR", "use.name", Field("Rests on events"), lambda row: row.use.title),
    Attribute("part", "VARCHAR", "use.part", Field("Step or fact")),
    Attribute("events", "VARCHAR[]", lambda row: list(row.use.events), Field("Events", "list")),
    Attribute("covered", "BOOLEAN"),
    Attribute("lacking", "VARCHAR[]", lambda row: list(row.lacking), Field("Lacks the property", "list", spare=True)),
)
_METRICS = Columns[MeasuredMetric](
    Attribute("metric", "VARCHAR", "metric.name", Field("Metric")),
    Attribute("measure", "VARCHAR", "metric.measure"),
    Attribute("value", "DOUBLE", field=Field("Now", align="right"), text=lambda row: _shown(row, row.value)),
    Attribute(
        "targets",
        "JSON",
        lambda row: dict(row.metric.targets),
        Field("Target", grows=True),
        lambda row: " · ".join(_target(row, name, goal) for name, goal in row.metric.targets.items()) or None,
    ),
)


def _shown(row: MeasuredMetric, value: float | None) -> str | None:
    if value is None:
        return None
    return number(value, 0 if value >= 100 else 1) if row.metric.measure == "events_per_day" else f"{100 * value:.1f} %"


def _target(row: MeasuredMetric, name: str, goal: float) -> str:
    met = row.met(goal)
    return f"{name}: {_shown(row, goal)}{'' if met is None else ' (met)' if met else ' (not met)'}"


_UNLISTED: Columns[tuple[str, Sequence[str]]] = Columns(
    Attribute("property", "VARCHAR", lambda row: row[0], Field("Property")),
    Attribute("values", "VARCHAR[]", lambda row: list(row[1]), Field("Values", "list", grows=True)),
)


def coverage_document(coverage: Coverage, notes: Sequence[str] = ()) -> Document:
    """The whole coverage. The table for files has a row per event."""
    scan, zone, as_of = coverage.scan, coverage.timezone, coverage.as_of
    parts = [
        plural(len(coverage.planned), "planned event"),
        f"{plural(len(scan.sites), 'site')} in {plural(scan.files, 'file')}" if scan else "code not scanned",
        coverage.window,
    ]
    everything = (*notes, *_notes(coverage))
    return Document(
        title=f"Coverage of {coverage.plan.path.name}",
        subtitle=" · ".join(parts),
        blocks=tuple(_blocks(coverage)),
        notes=everything,
        data=lambda: _json(coverage, everything),
        table=EVENTS.table(coverage.events, "coverage", timezone=zone, as_of=as_of),
        timezone=zone,
        as_of=as_of,
        layout="plan",
    )


def _notes(coverage: Coverage) -> Iterator[str]:
    if coverage.scan and (count := len(coverage.scan.unresolved) + len(computed_names(coverage.scan))):
        yield f"{plural(count, 'place')} could not be resolved: `usertrack plan scan` lists them"
    if coverage.arrivals:
        yield from coverage.arrivals.notes


def _blocks(coverage: Coverage) -> Iterator[Block]:
    yield _FIGURES.listing(figures_of(coverage))
    if coverage.metrics:
        yield _METRICS.listing(coverage.metrics, "Success metrics")
    for grouping in GROUPINGS:
        if groups := coverage.by(grouping):
            yield _GROUPS.listing(groups, f"By {grouping}")
    yield _asked(_listing(EVENTS, coverage, coverage.events, "Events"), coverage)
    if rows := [row for row in coverage.properties if _needs_work(row)]:
        yield _listing(_PROPERTIES, coverage, rows, "Properties that are not as planned")
    if coverage.unlisted:
        yield _UNLISTED.listing(coverage.unlisted.items(), "Values outside the plan's lists")
    if of_somebody := [*coverage.persons, *coverage.groups]:
        yield _listing(_OF_SOMEBODY, coverage, of_somebody, "Properties of persons and groups")
        if coverage.arrivals:
            yield Paragraph("Of identified persons and of groups that were active since the property came.", "dim")
    if uses := [use for use in coverage.uses if use.covered is False]:
        yield _listing(_USES, coverage, uses, "Steps and facts without an event")


def _asked(listing: Listing, coverage: Coverage) -> Listing:
    """Without the columns of what was not looked at."""
    unknown = (() if coverage.scan else ("site",)) + (() if coverage.arrivals else ("events", "last_at", "days"))
    return replace(listing, columns=tuple(name for name in listing.table.names if name not in unknown))


def _needs_work(row: CoveredProperty) -> bool:
    """Whether a required property is not always there, or somebody sends an unplanned one."""
    return not row.planned or (row.required and (row.always is False or row.complete is False))


def _listing(columns: Columns[Record], coverage: Coverage, rows: Sequence[Record], heading: str) -> Listing:
    return columns.listing(rows, heading, limit=_MOST, timezone=coverage.timezone, as_of=coverage.as_of)


def _json(coverage: Coverage, notes: Sequence[str]) -> dict[str, object]:
    scan, arrivals = coverage.scan, coverage.arrivals
    return {
        "plan": str(coverage.plan.path),
        "as_of": coverage.as_of,
        "days": arrivals and arrivals.days,
        "files": scan and scan.files,
        "figures": _FIGURES.dicts(figures_of(coverage)),
        **{f"by_{grouping}": _GROUPS.dicts(coverage.by(grouping)) for grouping in GROUPINGS},
        "metrics": _METRICS.dicts(coverage.metrics),
        "events": [
            row
            | {
                "sites": _SITES.dicts(event.sites),
                "sent_by": list(map(vars, event.arrival.sent_by if event.arrival else ())),
            }
            for row, event in zip(EVENTS.dicts(coverage.events), coverage.events, strict=True)
        ],
        "properties": _PROPERTIES.dicts(coverage.properties),
        "person_properties": _OF_SOMEBODY.dicts(coverage.persons),
        "group_properties": _OF_SOMEBODY.dicts(coverage.groups),
        "unlisted_values": _UNLISTED.dicts(coverage.unlisted.items()),
        "uses": _USES.dicts(coverage.uses),
        "unresolved": [vars(place) for place in scan.unresolved] if scan else None,
        "notes": list(notes),
    }
