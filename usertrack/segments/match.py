"""How the profiles of PostHog and Postgres meet on their key, who is in one of the two alone, and who is left out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from usertrack.core.spool import quote
from usertrack.library.entities import EMAIL
from usertrack.segments.keys import ORGANIZATION

LEFT_OUT = ("internal", "opted_out", "deleted")
"""Kinds of people who are known and have no profile."""
NOT_LEFT_OUT = f"coalesce(kind, '') NOT IN {LEFT_OUT}"
Sides = Mapping[str, tuple[str, str]]
"""By source: the staged query that lists everybody, and its column that counts the records behind a key."""


@dataclass(frozen=True)
class Match:
    """How many keys the two sources share; ``anonymous`` counts visitors without one, ``without_email`` accounts.

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


def match_of(connection: Any, sides: Sides, key: str) -> Match:
    """The counts, out of the table `people` and the staged queries of ``sides``."""

    def row(sql: str) -> tuple[Any, ...]:
        counts: tuple[Any, ...] = connection.execute(sql).fetchone()
        return counts

    sql = match_sql(sides, key)
    *sifted, deleted = row(
        "SELECT count_if(internal), count_if(opted_out), count_if(deleted AND NOT opted_out) FROM people"
    )
    internal, opted_out = sifted if key == EMAIL else (None, None)
    nameless = {
        source: row(f"SELECT coalesce(sum({column}), 0)::BIGINT FROM {view} WHERE key IS NULL")[0]
        for source, (view, column) in sides.items()
    }
    kinds = dict(connection.execute(f"SELECT kind, count(*) FROM ({sql}) GROUP BY kind").fetchall())
    both = len(sides) == 2
    return Match(
        matched=kinds.get("matched", 0) if both else None,
        posthog_only=kinds.get("posthog_only", 0) if both else None,
        postgres_only=kinds.get("postgres_only", 0) if both else None,
        ambiguous=row(f"SELECT count(*) FROM ({sql}) WHERE ambiguous AND {NOT_LEFT_OUT}")[0],
        anonymous=nameless.get("posthog"),
        without_email=nameless.get("neon"),
        internal_excluded=internal,
        opted_out=opted_out,
        deleted=deleted,
    )


def match_sql(sides: Sides, key: str) -> str:
    """SQL for how each profile matches: key, kind, ambiguous, accounts (in Postgres), persons (in PostHog).

    ``kind`` is one of LEFT_OUT, matched, posthog_only or postgres_only; NULL when a source did not answer. Several
    accounts make a person ambiguous, and are what an organization consists of.
    """
    neon, posthog = sides.get("neon"), sides.get("posthog")
    accounts = f"n.{neon[1]}" if neon else "NULL::BIGINT"
    persons = f"p.{posthog[1]}" if posthog else "NULL::BIGINT"
    joins = (f" LEFT JOIN {neon[0]} n USING (key)" if neon else "") + (
        f" LEFT JOIN {posthog[0]} p USING (key)" if posthog else ""
    )
    where = "WHEN NOT in_neon THEN 'posthog_only' WHEN NOT in_posthog THEN 'postgres_only' ELSE 'matched'"
    several = f"coalesce({accounts} > 1, false) OR coalesce({persons} > 1, false)"
    return (
        f"SELECT key, CASE {' '.join(f'WHEN {kind} THEN {quote(kind)}' for kind in LEFT_OUT)} "
        f"{where if neon and posthog else ''} END AS kind, "
        f"{'false' if key == ORGANIZATION else several} AS ambiguous, "
        f"{accounts} AS accounts, {persons} AS persons FROM people{joins}"
    )
