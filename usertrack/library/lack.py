"""The columns or rows that a query lacks because an entity or column is absent."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Absence:
    """The columns or rows that a relation lacks. ``causes`` are absent entities and columns (``accounts.credits``).

    ``columns`` are those that nothing is known of, each with its causes. ``empty``: there are no rows at all, because
    of the ``causes``. ``names`` are all its columns, as far as they are known, in order.
    """

    columns: Mapping[str, frozenset[str]] = field(default_factory=dict)
    empty: bool = False
    causes: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()

    def of(self, column: str) -> frozenset[str]:
        """Why ``column`` is unknown; empty where it is not."""
        return self.causes if self.empty else self.columns.get(column.lower(), frozenset())
