"""A compiled HogQL query: the ClickHouse SELECT, and what its columns are called."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Compiled:
    """``clickhouse`` is the SELECT, to be run with the settings of `execute`.

    Its columns are named ``keys`` there, ``columns`` in PostHog. ``page`` is set when the query had no LIMIT: the
    SELECT then returns one row more, if there are more.
    """

    clickhouse: str
    columns: list[str]
    keys: list[str]
    hogql: str
    page: int | None
