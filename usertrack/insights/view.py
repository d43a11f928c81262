"""Documents of PostHog's saved insights and of the catalogue: bars and shares for people, plain tables for files."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Code, Document, Facts, Field, Listing
from usertrack.core.json_types import JsonObject
from usertrack.core.period import moment
from usertrack.core.table import Column, Row, Table
from usertrack.core.words import number, plural
from usertrack.insights.catalog import ERROR_COLUMNS, HIT_COLUMNS, PROPERTY_COLUMNS, event_columns
from usertrack.insights.saved import InsightResult, SavedInsight, favourites
from usertrack.insights.tables import interval_of
from usertrack.library.nodes import source_of

_ROWS = 100  # on a terminal; files have all rows


@dataclass(frozen=True)
class ListedInsight:
    """An insight, and whether the workspace or PostHog has it as a favourite."""

    insight: SavedInsight
    favourite: bool


_INSIGHTS: Columns[ListedInsight] = Columns(
    Attribute("favourite", "BOOLEAN", field=Field("★"), text=lambda row: "★" if row.favourite else ""),
    Attribute("id", "BIGINT", "insight.id", Field(kind="text", align="right")),
    Attribute("short_id", "VARCHAR", "insight.short_id"),
    Attribute("name", "VARCHAR", lambda row: row.insight.name or None, Field()),
    Attribute("kind", "VARCHAR", "insight.kind", Field()),
    Attribute("description", "VARCHAR", lambda row: row.insight.body.get("description") or None, Field(grows=True)),
)


def list_document(known: Sequence[SavedInsight], listed: Sequence[str], search: str) -> Document:
    """One row per insight, favourites first: those of the workspace, and those marked so in PostHog."""
    favourite_ids = favourites(known, listed) | {insight.id for insight in known if insight.body.get("favorited")}
    rows = sorted(
        (ListedInsight(insight, insight.id in favourite_ids) for insight in known), key=lambda row: not row.favourite
    )
    missing = [] if search else [name for name in listed if not favourites(known, [name])]
    listing = _INSIGHTS.listing(rows, limit=0)
    return Document(
        title=plural(len(rows), "saved insight") + (f" with “{search}”" if search else ""),
        blocks=(replace(listing, more="`usertrack insight run ID` shows the numbers"),),
        notes=tuple(f"the favourite '{name}' of usertrack.yaml is no saved insight" for name in missing),
        table=_INSIGHTS.table(rows, "insights"),
    )


def insight_document(insight: SavedInsight, timezone: str) -> Document:
    """One insight: its ids, what it asks, and when it was last computed."""
    body = insight.body
    refreshed = _moment(body.get("last_refresh"), timezone)
    pairs = [
        ("Id", f"{insight.id} · {insight.short_id}"),
        ("Kind", insight.kind),
        ("About", body.get("description") or None),
        ("Tags", ", ".join(map(str, body.get("tags") or [])) or None),
        ("Last refresh", refreshed or "never; `usertrack insight run` computes it"),
    ]
    return Document(
        title=insight.called,
        blocks=(Facts(tuple(pair for pair in pairs if pair[1])), *_query(body)),
        data=lambda: _ids(insight) | {"description": body.get("description"), "query": body.get("query")},
    )


def _query(body: JsonObject) -> tuple[Block, ...]:
    import json

    source = source_of(body.get("query")) or body.get("filters")
    if isinstance(source, dict) and source.get("kind") == "HogQLQuery":
        return (Code(str(source.get("query") or "")),)
    return (Code(json.dumps(source, indent=2, ensure_ascii=False), "json"),) if source else ()


def answer_document(answer: InsightResult, timezone: str) -> Document:
    """The numbers of an insight, shown as suits its kind; files get the table as it is."""
    insight, table = answer.insight, answer.table
    refreshed = _moment(answer.last_refresh, timezone)
    table = replace(table, name=insight.name or str(insight.id), title=insight.called)
    count = len(table.rows)
    facts = [f"{insight.kind} · {number(count)} row" + "s" * (count != 1)]
    facts += [f"computed {refreshed}" + (", kept by PostHog" if answer.cached else "")] if refreshed else []
    facts += ["shares of each cohort that came back"] if insight.kind == "retention" else []
    facts += [f"days in {table.timezone}"]
    return Document(
        title=insight.called,
        subtitle=" · ".join(facts),
        blocks=(_listing(table, insight.kind),),
        notes=(*table.notes, *_unfinished(answer)),
        table=table,
        data=lambda: (
            _ids(insight)
            | {"last_refresh": answer.last_refresh, "is_cached": answer.cached, "truncated": table.truncated}
            | {"timezone": table.timezone, "rows": table.dicts()}
        ),
        timezone=timezone,
    )


def _unfinished(answer: InsightResult) -> list[str]:
    last, interval = answer.unfinished, interval_of(answer.insight.body)
    return [f"the {interval} from {last.day} {last:%b %Y} was not over when this was computed"] if last else []


def _listing(table: Table, kind: str) -> Listing:
    if kind == "retention":
        later = table.names[table.names.index("people") + 1 :]
        return Listing(_shares(table), fields={name: Field(kind="percent") for name in later}, limit=_ROWS)
    fields = {
        "value": Field(kind="bar"),
        "of_first": Field("Of first", "bar", full=1.0),
        "of_previous": Field("Of previous", "percent"),
        "average_seconds": Field("Average, s", "number"),
        "median_seconds": Field("Median, s", "number"),
        "people": Field(kind="bar" if kind in ("stickiness", "paths") else "auto"),
    }
    dull = {"series"} if "series" in table.names and len({row[0] for row in table.rows}) == 1 else set()
    fields |= {name: Field(hidden=True) for name in dull}
    return Listing(table, fields={name: fields[name] for name in table.names if name in fields}, limit=_ROWS)


def _shares(table: Table) -> Table:
    """Cohorts in shares of their people."""
    at = table.names.index("people")
    rows: list[Row] = [
        (*row[: at + 1], *(None if n is None or not row[at] else n / row[at] for n in row[at + 1 :]))
        for row in table.rows
    ]
    columns = [Column(c.name, "DOUBLE") if number > at else c for number, c in enumerate(table.columns)]
    return replace(table, columns=tuple(columns), rows=rows)


def events_document(table: Table, days: int, timezone: str) -> Document:
    """Events with how often they came."""
    return _definitions(table, plural(len(table.rows), "event"), event_columns(days).fields, timezone)


def properties_document(table: Table, of: str, timezone: str) -> Document:
    return _definitions(table, f"{len(table.rows)} properties of {of}", PROPERTY_COLUMNS.fields, timezone)


def errors_document(table: Table, days: int, timezone: str) -> Document:
    """Errors, ranked, with whom they hit."""
    title = f"{plural(len(table.rows), 'error')} in the last {plural(days, 'day')}"
    return _definitions(table, title, ERROR_COLUMNS.fields, timezone)


def search_document(table: Table, text: str, timezone: str) -> Document:
    return _definitions(table, f"{len(table.rows)} found for “{text}”", HIT_COLUMNS.fields, timezone)


def _definitions(table: Table, title: str, fields: dict[str, Field], timezone: str) -> Document:
    cut = ("PostHog has more than these",) if table.truncated else ()
    blank = [
        name for at, name in enumerate(table.names) if name == "description" and not any(r[at] for r in table.rows)
    ]
    fields = fields | {name: Field(hidden=True) for name in blank}
    return Document(
        title=title,
        blocks=(Listing(table, fields=fields, limit=_ROWS),),
        notes=(*table.notes, *cut),
        table=table,
        timezone=timezone,
        as_of=table.as_of,
    )


def created_document(insight: SavedInsight) -> Document:
    return Document(
        title=f"created {insight.called}",
        blocks=(Facts((("Id", str(insight.id)), ("Short id", insight.short_id))),),
        data=lambda: _ids(insight),
    )


def _ids(insight: SavedInsight) -> dict[str, object]:
    return {"id": insight.id, "short_id": insight.short_id, "name": insight.name, "kind": insight.kind}


def _moment(text: object, timezone: str) -> str:
    try:
        parsed = datetime.fromisoformat(str(text))
    except ValueError:
        return ""
    return moment(parsed.astimezone(UTC) if parsed.tzinfo else parsed, timezone)
