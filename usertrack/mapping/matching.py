"""Which column of a table fits a pattern of words."""

from collections.abc import Iterable, Sequence

from usertrack.mapping import rules
from usertrack.mapping.catalog import Catalog, DatabaseTable, TableColumn


def columns_like(table: DatabaseTable, patterns: Sequence[str], *families: str) -> list[TableColumn]:
    """The columns of ``table`` that fit one of ``patterns``, best first; the words of the table are left out."""
    fitting: list[tuple[int, int, TableColumn]] = []
    for column in table.columns:
        if not families or column.family in families:
            places = [patterns.index(name) for name in _names(column, table) if name in patterns]
            if places:
                fitting.append((min(places), len(fitting), column))
    return [column for _, _, column in sorted(fitting, key=lambda place: place[:2])]


def column_like(table: DatabaseTable, patterns: Sequence[str], *families: str) -> TableColumn | None:
    return next(iter(columns_like(table, patterns, *families)), None)


def time_like(table: DatabaseTable, patterns: Sequence[str], words: frozenset[str]) -> TableColumn | None:
    """The column of times that fits one of ``patterns``, else the first that has one of ``words`` in its name."""
    exact = column_like(table, patterns, "time") or column_like(table, patterns, "number")
    named = (
        column
        for column in table.columns
        if words & set(column.words)
        and (column.family == "time" or (column.family == "number" and rules.words("time_units") & set(column.words)))
    )
    return exact or next(named, None)


def _names(column: TableColumn, table: DatabaseTable) -> Iterable[str]:
    """The name of ``column`` as a pattern writes it, whole and without words of its table: ``user_email``."""
    yield " ".join(column.words)
    own = list(column.words)
    while len(own) > 1 and own[0] in table.words:
        own = own[1:]
        yield " ".join(own)


def prefixes(catalog: Catalog) -> frozenset[str]:
    """First words that many tables have in common, such as the name of the app: they tell nothing."""
    first = [table.words[0] for table in catalog.tables.values() if len(table.words) > 1]
    return frozenset(word for word in set(first) if first.count(word) >= max(3, len(catalog.tables) / 4))


def without_id(column: TableColumn) -> tuple[str, ...]:
    """``project`` for ``project_id``; nothing for a column that is no reference by its name."""
    return column.words[:-1] if len(column.words) > 1 and column.words[-1] in rules.words("id_words") else ()


def reference_counts(catalog: Catalog) -> dict[int, int]:
    """Count the tables that refer to each table, by its id."""
    counts: dict[int, int] = {}
    for table in catalog.tables.values():
        for target in {column.references[0] for column in table.columns if column.references}:
            counts[target] = counts.get(target, 0) + (target != table.id)
    if not any(counts.values()):  # no foreign keys: names such as user_id stand in
        named = {table.words: table.id for table in catalog.tables.values()}
        for table in catalog.tables.values():
            for target in {named[column.words[:-1]] for column in table.columns if column.words[:-1] in named}:
                counts[target] = counts.get(target, 0) + (target != table.id)
    return counts
