"""Corrections of a proposal by somebody who knows better: another column for one of its parts."""

from itertools import islice

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.mapping import rules
from usertrack.mapping.accounts import beside
from usertrack.mapping.catalog import Catalog, DatabaseTable, TableColumn, named_table
from usertrack.mapping.proposal import Proposal
from usertrack.mapping.select import as_time
from usertrack.mapping.ways import Ways

_NEAR = {"email": "email", "signed_up_at": "signed_up", "name": "name"}
"""The parts that another column could be meant for, and the pattern with whose words near columns share one."""
_MOST_NEAR = 8  # so that the line of a part wraps once at the most


def set_part(proposal: Proposal, catalog: Catalog, name: str, value: str) -> None:
    """Read the part ``name`` of ``proposal`` from the column ``value``, or from none for -.

    It is a column of the proposal's table, or ``table.column`` of one that a key links with it. Raises UsageError, with
    the proposal unchanged, where there is no such part, column or link.
    """
    parts, select = {column.name: column for column in proposal.kind.columns}, proposal.select
    if name not in parts:
        raise UsageError(f"{proposal.kind.name} have no part '{name}'", did_you_mean(name, parts, ", ".join(parts)))
    if value == "-" and parts[name].required and name != "email":  # without an e-mail people are told by account_id
        raise UsageError(f"{proposal.kind.name} need {name}", "name a column for it")
    table, column = (proposal.table, None) if value == "-" else _named(proposal.table, catalog, value)
    link = None if table is proposal.table else _link(proposal.table, catalog, table)
    select.drop({name, "emails"} if name == "email" else {name})
    if column:
        sql = beside(select, name, table, link[1], select.of(link[0]), column) if link else select.of(column)
        select.add(name, as_time(column, sql) if parts[name].type == "time" else sql)
        proposal.reasons.append(f"somebody said that {name} is {value}")
    if name == proposal.kind.status:
        proposal.status, proposal.states = None, {}
        proposal.notes.append(f"say what the words of `{value}` mean in `states`")


def near_columns(proposal: Proposal, catalog: Catalog, name: str) -> dict[str, TableColumn]:
    """Return the columns that could be the part ``name``, by what `set_part` calls them; the table's own come first.

    Of other tables they are what an account has once, or an e-mail. Of most parts nothing is near.
    """
    if name not in _NEAR:
        return {}
    words = {word for pattern in rules.patterns(_NEAR[name]) for word in pattern.split()}
    own, current = proposal.table, dict(proposal.select.columns).get(name, "")
    near = {column.name: column for column in own.columns if proposal.select.of(column) != current}
    for table, on, _ in Ways(catalog, own).references_to(own):
        if (on.unique or name == "email") and not set(table.words) & rules.words("no_candidates"):
            near |= {f"{table.label}.{column.name}": column for column in table.columns}
    family = "time" if name.endswith("_at") else "text"
    likely = {
        label: column
        for label, column in near.items()
        if column.family == family and (family == "time" or words & set(column.words) or label.endswith(".value"))
    }
    return dict(islice(likely.items(), _MOST_NEAR))


def _named(own: DatabaseTable, catalog: Catalog, value: str) -> tuple[DatabaseTable, TableColumn]:
    """Return the column that ``value`` names, with its table; raises UsageError where there is none."""
    table_name, _, name = value.rpartition(".")
    table = named_table(catalog, table_name) if table_name else own
    if name not in table.by_name:
        raise UsageError(f"no column '{value}' can be read", did_you_mean(name, table.by_name, "name one of the table"))
    return table, table.by_name[name]


def _link(own: DatabaseTable, catalog: Catalog, table: DatabaseTable) -> tuple[TableColumn, TableColumn]:
    """Return the column of ``own`` and the one of ``table`` that are equal; raises UsageError where no key says so."""
    ways = Ways(catalog, own)
    onward = [(column, *known) for column in own.columns if (known := ways.reference(own, column))]
    links = [*onward, *((target, other, on) for other, on, target in ways.references_to(own))]
    if not (keys := [(target, on) for target, other, on in links if other is table]):
        near = ", ".join(dict.fromkeys([own.label, *(other.label for _, other, _ in links)]))
        raise UsageError(f"no key links {own.label} with {table.label}", f"name a column of {near}")
    # who edited or approved a row is not whose it is
    return min(keys, key=lambda link: bool(rules.words("other_hands") & {*link[0].words, *link[1].words}))
