"""Which table holds what people did, event by event, as seed products write it beside PostHog."""

from collections.abc import Sequence
from math import log10

from usertrack.core.source_names import POSTGRES
from usertrack.core.sql_file import sql_file
from usertrack.library.entities import OWN_EVENTS
from usertrack.library.query import Statement
from usertrack.mapping import rules
from usertrack.mapping.catalog import Catalog, DatabaseTable, TableColumn
from usertrack.mapping.matching import column_like
from usertrack.mapping.proposal import Proposal, ranked
from usertrack.mapping.select import Select, as_time
from usertrack.sources.own_events import TRACKED

_LEAST, _SURE = 6, 10
"""Points: a table called `events` with people, a JSON column and sessions has 10; one of appointments 4 at most."""


def event_proposals(catalog: Catalog, accounts: DatabaseTable) -> list[Proposal]:
    """Return the tables that could hold events of people, best first."""
    proposals = [event_proposal(table, accounts) for table in catalog.tables.values() if _is_candidate(table)]
    return ranked(proposals, sure=_SURE, least=_LEAST)


def event_proposal(table: DatabaseTable, accounts: DatabaseTable) -> Proposal:
    """Read ``table`` as events. A column that refers to ``accounts``, or is called so, says whose they are."""
    select = Select(table)
    proposal = Proposal(OWN_EVENTS, select, 0, [])
    columns = {
        "id": table.key,
        "person": _person(table, accounts),
        "name": column_like(table, rules.patterns("event_name"), "text"),
        "time": column_like(table, rules.patterns("event_time"), "time", "number"),
        "properties": column_like(table, rules.patterns("event_properties"), "json", "text"),
        "session": column_like(table, rules.patterns("event_session")),
    }
    for name, column in columns.items():
        if column:
            select.add(name, as_time(column, select.of(column)) if name == "time" else select.of(column))
    found = [name for name, column in columns.items() if column]
    weights = {"person": 2, "properties": 3, "session": 3}
    proposal.score = 2.0 + sum(weights.get(name, 0) for name in found) + min(2.0, log10(1 + (table.row_count or 0)) / 2)
    proposal.reasons.append(f"its name says {table.words[-1]}, and it has {', '.join(found)}")
    proposal.notes.append("where PostHog is connected, its events count; with a line `leads: own` these do")
    if not columns["person"]:
        proposal.notes.append("nothing says whose events these are: they are of anonymous visitors")
    return proposal


def own_events_counted(catalog: Catalog, proposals: Sequence[Proposal]) -> Statement | None:
    """Return the statement that counts the events agreed on, or those of `usertrack.track`; None for none."""
    tracked = [TRACKED.sql] if catalog.named("usertrack.event") else []
    agreed = [proposal.sql for proposal in proposals if proposal.kind is OWN_EVENTS]
    return (
        Statement(POSTGRES, sql_file(__package__, "event_counts").replace("{events}", sql), name="events")
        if (sql := next(iter(agreed + tracked), ""))
        else None
    )


def _is_candidate(table: DatabaseTable) -> bool:
    is_system = table.name.lower() in rules.words("system_tables") or table.schema in rules.words("system_schemas")
    # that of `usertrack.track` is found without a file
    refused = is_system or table.schema == "usertrack" or set(table.words) & rules.words("not_events")
    return not refused and set(table.words[-1:]) <= rules.words("events")


def _person(table: DatabaseTable, accounts: DatabaseTable) -> TableColumn | None:
    """Return the column with the id of an account."""
    references = (column for column in table.columns if column.references and column.references[0] == accounts.id)
    named = (column for column in table.columns if column.words[:-1] == accounts.words and column.words[-1] == "id")
    return next(references, None) or next(named, None) or column_like(table, rules.patterns("event_person"))
