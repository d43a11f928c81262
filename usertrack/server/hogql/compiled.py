"""A compiled HogQL query: the ClickHouse SELECT, and what its columns are called."""

from dataclasses import dataclass

from usertrack.server.hogql.parse import Node
from usertrack.server.hogql.text import top_level


@dataclass(frozen=True)
class CompiledQuery:
    """``clickhouse`` is the SELECT, to be run with the settings of `execute`.

    Its columns are named ``keys`` there, ``columns`` in PostHog. ``page`` is set when the query had no LIMIT: the
    SELECT then returns one row more, if there are more.
    """

    clickhouse: str
    columns: list[str]
    keys: list[str]
    tree: Node
    page: int | None

    @property
    def hogql(self) -> str:
        """The query as PostHog prints it."""
        return top_level(self.tree)
