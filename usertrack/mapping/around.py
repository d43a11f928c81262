"""The table of the accounts with those around it: profiles, memberships, subscriptions."""

from usertrack.mapping import rules
from usertrack.mapping.catalog import DatabaseTable, TableColumn
from usertrack.mapping.matching import column_like
from usertrack.mapping.select import Select
from usertrack.mapping.ways import Ways


class Around:
    """The tables around that of the accounts. Those with one row for an account are joined when first needed."""

    def __init__(self, ways: Ways, select: Select, key: TableColumn) -> None:
        self.ways, self.select, self.key = ways, select, key
        self.references = [reference for reference in ways.references_to(select.table) if reference[2] == key]
        self._aliases: dict[int, str] = {}

    def find(self, patterns: tuple[str, ...], *families: str) -> tuple[TableColumn, str] | None:
        """The best column for ``patterns``, and how it is written: of the table itself, else of a profile."""
        known = self.find_with_table(patterns, *families)
        return known and known[1:]

    def find_with_table(
        self, patterns: tuple[str, ...], *families: str
    ) -> tuple[DatabaseTable, TableColumn, str] | None:
        """Return the best column for ``patterns`` as `find` does, with its table."""
        if column := column_like(self.select.table, patterns, *families):
            return self.select.table, column, self.select.of(column)
        for table, on, _ in self.references:
            is_profile = on.unique and not set(table.words) & (
                rules.words("no_candidates") | rules.words("subscriptions")
            )
            if is_profile and (column := column_like(table, patterns, *families)):
                return table, column, f"{self._alias(table, on)}.{column.sql}"
        return None

    def _alias(self, table: DatabaseTable, on: TableColumn) -> str:
        if table.id not in self._aliases:
            self._aliases[table.id] = self.select.join(table, on, self.select.of(self.key))
        return self._aliases[table.id]
