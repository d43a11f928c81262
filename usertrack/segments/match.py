"""Matches the profiles of PostHog and Postgres on their key: who is in one alone, and who is left out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from usertrack.core.source_names import POSTGRES, TABLES
from usertrack.core.spool import SpooledRows, quote
from usertrack.core.table import Table
from usertrack.core.words import plural
from usertrack.library.entities import EMAIL
from usertrack.segments.keys import ORGANIZATION

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LEFT_OUT = ("internal", "opted_out", "deleted")
"""Kinds of people who are known and have no profile."""
NOT_LEFT_OUT = f"coalesce(kind, '') NOT IN {LEFT_OUT}"
Sides = Mapping[str, tuple[str, str]]
"""By source: the staged query that lists everybody, and its column that counts the records behind a key."""


@dataclass(frozen=True)
class Match:
    """Counts of keys that the two sources share; ``anonymous`` counts visitors without one, ``without_email`` accounts.

    By a key other than the e-mail, the sources leave own people and those who opted out away without counting them.
    """

    matched: int | None = None
    posthog_only: int | None = None
    postgres_only: int | None = None
    ambiguous: int = 0
    anonymous: int | None = None
    without_email: int | None = None
    internal_excluded: int | None = 0
    opted_out: int | None = 0
    deleted: int = 0

    def as_dict(self) -> dict[str, int | None]:
        return asdict(self)


def match_of(connection: "DuckDBPyConnection", sides: Sides, key: str) -> Match:
    """The counts, out of the table `people` and the staged queries of ``sides``."""
    sql = match_sql(sides, key)
    without_key = (
        f", (SELECT coalesce(sum({column}), 0)::BIGINT FROM {view} WHERE key IS NULL)"
        for view, column in sides.values()
    )
    [(internal, opted_out, deleted, *nameless_counts)] = connection.execute(
        "SELECT count(*) FILTER (internal), count(*) FILTER (opted_out), count(*) FILTER (deleted AND NOT opted_out)"
        f"{''.join(without_key)} FROM people"
    ).fetchall()
    nameless = dict(zip(sides, nameless_counts, strict=True))
    counts = connection.execute(
        f"SELECT kind, count(*), count(*) FILTER (ambiguous) FROM ({sql}) GROUP BY kind"
    ).fetchall()
    kinds = {kind: count for kind, count, _ in counts}
    both = len(sides) == 2
    return Match(
        matched=kinds.get("matched", 0) if both else None,
        posthog_only=kinds.get("posthog_only", 0) if both else None,
        postgres_only=kinds.get("postgres_only", 0) if both else None,
        ambiguous=sum(ambiguous for kind, _, ambiguous in counts if kind not in LEFT_OUT),
        anonymous=nameless.get("posthog"),
        without_email=nameless.get(POSTGRES),
        internal_excluded=internal if key == EMAIL else None,
        opted_out=opted_out if key == EMAIL else None,
        deleted=deleted,
    )


def repeated_note(connection: "DuckDBPyConnection", table: Table) -> str:
    """Say that accounts in ``table`` have an id several times; empty where none has."""
    if "repeated_ids" not in table.names:
        return ""
    assert isinstance(table.rows, SpooledRows)
    rows = table.rows.scan()
    if {"account_id", "accounts"} <= set(table.names):
        of_several_people = f"SELECT account_id FROM {rows} WHERE accounts > 0 GROUP BY account_id HAVING count(*) > 1"
    else:
        of_several_people = "SELECT NULL AS account_id WHERE false"
    [(ids, example)] = connection.execute(
        f"SELECT (SELECT coalesce(sum(repeated_ids), 0)::BIGINT FROM {rows}) + count(*), min(account_id) "
        f"FROM ({of_several_people})"
    ).fetchall()
    such = f", such as {example}" if example else ""
    words = plural(ids, "account id is", "account ids are")
    return f"{words} there more than once{such}: what they did is counted each time (`usertrack doctor`)" if ids else ""


def namesakes_note(connection: "DuckDBPyConnection", table: Table) -> str:
    """Say that several organizations share a name, with an example; empty where none do, or nobody knows."""
    if "namesakes" not in table.names:
        return ""
    assert isinstance(table.rows, SpooledRows)
    [(count, example)] = connection.execute(
        f"SELECT count(*), min(left(organization, {_SHOWN})) FROM {table.rows.scan()} WHERE namesakes > 1"
    ).fetchall()
    words = plural(count, "name is that", "names are those")
    return f"{words} of several organizations, which count as one, such as '{example}'" if count else ""


def apart_note(connection: "DuckDBPyConnection", sides: Sides, key: str, match: Match) -> str:
    """Say that the two sources have no key in common, and what to do; empty where they have one.

    By the e-mail that may well be so: most people of PostHog may be visitors.
    """
    if key == EMAIL or match.matched != 0 or not (match.posthog_only and match.postgres_only):
        return ""
    if key != ORGANIZATION:
        return f"no account is a person of PostHog: `{key}` in {TABLES}/accounts.sql has to be their distinct_id"
    sql = match_sql(sides, key)
    [(ours,)], [(theirs,)] = (
        connection.execute(f"SELECT min(left(key, {_SHOWN})) FROM ({sql}) WHERE kind = {quote(kind)}").fetchall()
        for kind in ("postgres_only", "posthog_only")
    )
    return (
        f"no organization of accounts is a group of PostHog: accounts say '{ours}', and events '{theirs}'; "
        f"`organization` in {TABLES}/accounts.sql has to be what events call it: its id, slug or name"
    )


_SHOWN = 40  # characters of a name


def match_sql(sides: Sides, key: str) -> str:
    """SQL for how each profile matches: key, kind, ambiguous, accounts (in Postgres), persons (in PostHog).

    ``kind`` is one of LEFT_OUT, matched, posthog_only or postgres_only; NULL when a source did not answer. Several
    accounts make a person ambiguous, and are what an organization consists of.
    """
    postgres, posthog = sides.get(POSTGRES), sides.get("posthog")
    accounts = f"n.{postgres[1]}" if postgres else "NULL::BIGINT"
    persons = f"p.{posthog[1]}" if posthog else "NULL::BIGINT"
    joins = (f" LEFT JOIN {postgres[0]} n USING (key)" if postgres else "") + (
        f" LEFT JOIN {posthog[0]} p USING (key)" if posthog else ""
    )
    where = "WHEN NOT in_postgres THEN 'posthog_only' WHEN NOT in_posthog THEN 'postgres_only' ELSE 'matched'"
    several = f"coalesce({accounts} > 1, false) OR coalesce({persons} > 1, false)"
    return (
        f"SELECT key, CASE {' '.join(f'WHEN {kind} THEN {quote(kind)}' for kind in LEFT_OUT)} "
        f"{where if postgres and posthog else ''} END AS kind, "
        f"{'false' if key == ORGANIZATION else several} AS ambiguous, "
        f"{accounts} AS accounts, {persons} AS persons FROM people{joins}"
    )
