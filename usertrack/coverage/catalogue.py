"""The catalogue: every event of the plan, what it means, where it is sent, and what has arrived of it."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from usertrack.core.columns import Attribute, Columns, Record
from usertrack.core.document import Block, Document, Facts, Field, Link, Listing, Paragraph, Section, Spark
from usertrack.core.words import number, plural
from usertrack.coverage.events import CoveredEvent
from usertrack.coverage.numbers import Coverage
from usertrack.coverage.properties import CoveredProperty
from usertrack.plan.model import PlannedProperty
from usertrack.plan.scan.site import CallSite


@dataclass(frozen=True)
class _Property:
    """A planned property of an event, with what the registry says of it."""

    covered: CoveredProperty
    registered: PlannedProperty | None


def catalogue_document(coverage: Coverage, base: str = "", notes: Sequence[str] = ()) -> Document:
    """The catalogue; links to code begin with ``base``, ``https://github.com/acme/app/blob/main/``."""
    planned = [event for event in coverage.events if event.planned]
    return Document(
        title="Tracking plan",
        subtitle=f"{plural(len(planned), 'event')} · {coverage.window}",
        blocks=(
            _listing(_OVERVIEW, coverage, _in_order(coverage)),
            *_groups(coverage, base),
            *_unplanned(coverage, base),
        ),
        notes=tuple(notes),
        data=lambda: {"events": list(_data(coverage)), "notes": list(notes)},
        timezone=coverage.timezone,
        as_of=coverage.as_of,
        layout="plan",
    )


def _in_order(coverage: Coverage) -> list[CoveredEvent]:
    """By tier, as the plan lists them, and within a tier in the order of the file."""
    tiers = [*coverage.plan.tiers, *sorted({e.planned.tier for e in coverage.events if e.planned and e.planned.tier})]
    planned = [(event, event.planned) for event in coverage.events if event.planned]
    order = sorted(planned, key=lambda pair: (_place(tiers, pair[1].tier), pair[1].line))
    return [event for event, _ in order]


def _place(tiers: Sequence[str], tier: str | None) -> int:
    return tiers.index(tier) if tier else len(tiers)


_OVERVIEW = Columns[CoveredEvent](
    Attribute("event", "VARCHAR", lambda row: Link(row.name, f"#{_anchor(row.name)}"), Field("Event", "link")),
    Attribute("state", "VARCHAR", "state.value", Field("State", "tag")),
    Attribute("events", "BIGINT", "arrival.events", Field("Events", "number")),
    Attribute("last_at", "TIMESTAMP", "arrival.last_at", Field("Last", "when")),
    Attribute(
        "about", "VARCHAR", lambda row: (row.planned and row.planned.description) or None, Field("What", grows=True)
    ),
    Attribute(
        "days", "BIGINT[]", lambda row: row.arrival and list(row.arrival.days), Field("Days", "spark", spare=True)
    ),
)


def _groups(coverage: Coverage, base: str) -> Iterator[Section]:
    """A section for each tier, or one for all events where there are none."""
    events = _in_order(coverage)
    for tier in dict.fromkeys(event.planned.tier for event in events if event.planned):
        members = [event for event in events if event.planned and event.planned.tier == tier]
        title = coverage.plan.tiers.get(tier, "") if tier else ""
        heading = " · ".join(filter(None, [f"Tier {tier}", title])) if tier else "Events"
        yield Section(heading, tuple(_section(event, coverage, base) for event in members))


def _section(event: CoveredEvent, coverage: Coverage, base: str) -> Section:
    assert event.planned
    blocks: list[Block] = [Paragraph(event.planned.description)] if event.planned.description else []
    pairs: dict[str, Any] = {
        "state": event.state.value,
        "status": event.planned.status,
        "owner": event.planned.owner,
        "phase": event.planned.phase,
        "since": event.planned.since,
        "scope": ", ".join(event.planned.scope),
        "also called": ", ".join(event.planned.aliases),
        "replaces": ", ".join(event.planned.replaces),
        "replaced by": event.replaced_by,
        "acceptance": event.planned.acceptance,
        "last seen": event.arrival and event.arrival.last_at,
        "sent by": event.arrival and _senders(event),
    }
    blocks.append(Facts(tuple(((name, value) for name, value in pairs.items() if value))))
    if event.arrival and any(event.arrival.days):
        average = number(event.arrival.events / len(event.arrival.days), 1)
        blocks.append(Spark(plural(len(event.arrival.days), "day"), event.arrival.days, f"{average} a day"))
    properties = [
        _Property(prop, coverage.plan.properties.get(prop.name))
        for prop in coverage.properties
        if prop.of == event.name and prop.planned
    ]
    if properties:
        blocks.append(_listing(_PROPERTIES, coverage, properties))
    if event.sites:
        blocks.append(_listing(_sites(base), coverage, event.sites))
    return Section(event.name, tuple(blocks), anchor=_anchor(event.name))


def _senders(event: CoveredEvent) -> str:
    """The SDKs with the most events first."""
    counts: Counter[str] = Counter()
    for sender in event.arrival.sent_by if event.arrival else ():
        counts[f"{sender.library} {sender.version}".strip()] += sender.events
    return ", ".join(f"{name} ({number(count)})" for name, count in counts.most_common(5) if name)  # 5 in one cell


def _type(row: _Property) -> str | None:
    item = row.registered
    if item is None:
        return None
    return " ".join(filter(None, [item.type, f"({item.unit})" if item.unit else ""])) or None


def _meaning(row: _Property) -> str | None:
    item = row.registered
    if item is None:
        return None
    values = f"one of {', '.join(item.values)}" if item.values else ""
    personal = f"personal: {item.personal}" if item.personal not in (None, "none") else ""
    return "; ".join(filter(None, [item.description, values, personal])) or None


_PROPERTIES = Columns[_Property](
    Attribute("property", "VARCHAR", "covered.name", Field("Property")),
    Attribute(
        "required", "BOOLEAN", "covered.required", Field(" "), lambda row: "required" if row.covered.required else None
    ),
    Attribute("type", "VARCHAR", _type, Field("Type")),
    Attribute("rate", "DOUBLE", "covered.presence.rate", Field("Have it", "percent")),
    Attribute("meaning", "VARCHAR", _meaning, Field("Meaning", grows=True)),
)


def _sites(base: str) -> Columns[CallSite]:
    return Columns(
        Attribute("site", "VARCHAR", lambda site: _link(site, base), Field("Sent in", "link")),
        Attribute(
            "through", "VARCHAR", lambda site: " → ".join([*site.chain, site.sink]), Field("Through", grows=True)
        ),
    )


def _link(site: CallSite, base: str) -> Link:
    """Return the link to a line of a file: `#L7` is how GitHub and GitLab name it."""
    return Link(f"{site.file}:{site.line}", f"{base}{quote(site.file)}#L{site.line}")


def _unplanned(coverage: Coverage, base: str) -> Iterator[Section]:
    events = [event for event in coverage.events if not event.planned]
    if events:
        columns = Columns[CoveredEvent](
            *(attribute for attribute in _OVERVIEW.attributes if attribute.name in ("state", "events", "last_at")),
            Attribute("name", "VARCHAR", field=Field("Event"), place=-1),
            Attribute(
                "site",
                "VARCHAR",
                lambda row: _link(row.sites[0], base) if row.sites else None,
                Field("Sent in", "link"),
            ),
        )
        yield Section("Not in the plan", (_listing(columns, coverage, events),))


def _anchor(name: str) -> str:
    """Return the anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-")


def _listing(columns: Columns[Record], coverage: Coverage, rows: Sequence[Record]) -> Listing:
    return columns.listing(rows, timezone=coverage.timezone, as_of=coverage.as_of)


_IN_JSON = Columns[CoveredEvent](
    Attribute("event", "VARCHAR", "name"),
    *(Attribute(name, "VARCHAR", f"planned.{name}") for name in ("description", "tier", "phase", "owner")),
    Attribute("state", "VARCHAR", "state.value"),
    Attribute("events", "BIGINT", "arrival.events"),
    Attribute("last_at", "TIMESTAMP", "arrival.last_at"),
    Attribute("days", "BIGINT[]", lambda event: event.arrival and list(event.arrival.days)),
)
_PROPERTIES_IN_JSON = Columns[CoveredProperty](
    Attribute("name", "VARCHAR"), Attribute("required", "BOOLEAN"), Attribute("rate", "DOUBLE", "presence.rate")
)


def _data(coverage: Coverage) -> Iterator[dict[str, object]]:
    events = _in_order(coverage)
    for event, row in zip(events, _IN_JSON.dicts(events), strict=True):
        properties = [prop for prop in coverage.properties if prop.of == event.name and prop.planned]
        sites = [{"file": site.file, "line": site.line} for site in event.sites]
        yield {**row, "properties": _PROPERTIES_IN_JSON.dicts(properties), "sites": sites}
