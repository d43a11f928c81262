"""The values of small columns such as a status: a sample of them, read once and kept nowhere."""

import re
from collections.abc import Iterable

from usertrack.core.source_names import POSTGRES
from usertrack.library.library import Statement
from usertrack.mapping.activity import status_columns
from usertrack.mapping.catalog import DatabaseTable, TableColumn
from usertrack.mapping.proposal import Labels, Proposal

_ROWS = 10_000  # some milliseconds; a state that is rarer than that changes no share
_WORD = re.compile(r"\w[\w .:/-]{0,39}")  # an e-mail or a sentence is no word of a status, and belongs in no file
_SMALL = 40  # different values at the most; with more it is no status
CANDIDATES = 6
"""How many of an entity are looked at: the five that are shown, and one behind them."""


def columns_to_sample(proposals: Iterable[Proposal]) -> list[tuple[DatabaseTable, TableColumn]]:
    """The columns of candidates whose words decide something, and that no type or CHECK has told."""
    columns: dict[tuple[int, str], tuple[DatabaseTable, TableColumn]] = {}
    for proposal in proposals:
        known = [(proposal.table, column) for column in status_columns(proposal.table)[:2]]
        known += proposal.unread
        if proposal.status and proposal.status_table:
            known.append((proposal.status_table, proposal.status))
        columns |= {(table.id, column.name): (table, column) for table, column in known}
    return [(table, column) for table, column in columns.values() if not column.labels and column.family != "bool"]


def sample(table: DatabaseTable, column: TableColumn) -> Statement:
    """The distinct values among some rows of ``table``, wherever those lie."""
    count = table.row_count or 0
    is_large = not table.is_view and count > 10 * _ROWS
    rows = f"TABLESAMPLE SYSTEM ({max(100 * _ROWS / count, 0.001):.3f})" if is_large else ""
    return Statement(
        POSTGRES,
        f"SELECT DISTINCT left({column.sql}::text, 80) AS value\n"
        f"FROM (SELECT {column.sql} FROM {table.sql} {rows} LIMIT {_ROWS}) AS sampled\n"
        f"WHERE {column.sql} IS NOT NULL\nLIMIT {_SMALL}",
        name=f"values of {table.label}.{column.name}",
    )


def read_labels(columns: Iterable[tuple[DatabaseTable, TableColumn]], answers: Iterable[object]) -> Labels:
    """The values of each column that has few; ``answers`` are tables, or the errors of columns that cannot be read.

    A column that is NULL in all rows of a table that has some has no values.
    """
    labels = {}
    for (table, column), answer in zip(columns, answers, strict=True):
        values = [str(row[0]) for row in getattr(answer, "rows", ())]
        is_empty_column = hasattr(answer, "rows") and bool(table.row_count)
        if len(values) < _SMALL and (values or is_empty_column):
            labels[(table.id, column.name)] = tuple(sorted(filter(_WORD.fullmatch, values)))
    return labels
