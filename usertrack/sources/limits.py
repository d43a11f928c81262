"""Reads and sets the LIMIT of a HogQL query, as PostHog adds LIMIT 100 to a query without one."""

from collections.abc import Mapping
from itertools import pairwise
from math import inf

from usertrack.library.sql import tokens_of


def own_limit(sql: str, values: Mapping[str, object]) -> float | None:
    """The LIMIT of all rows of ``sql``: infinity for one that only the server can compute, None without one.

    LIMIT BY does not count, nor a LIMIT after UNION, which may belong to the last member alone.
    """
    words = _top_level(sql)
    if _combined(words):
        return None
    match _after_limit(words):
        case None:
            return None
        case [number] if number.isdecimal():
            return int(number)
        case ["{", name, "}"]:
            bound = next((value for key, value in values.items() if key.upper() == name), None)
            return bound if isinstance(bound, int) else inf
    return inf


def with_limit(sql: str, rows: int) -> str:
    """``sql`` with LIMIT ``rows``, added to the query itself where possible, so that its order stays."""
    words = _top_level(sql)
    if words[0] == "(" or _combined(words) or _after_limit(words) is not None:
        return f"SELECT * FROM (\n{sql}\n) LIMIT {rows}"
    return f"{sql}\nLIMIT {rows}"


def _after_limit(words: list[str]) -> list[str] | None:
    """The words after the last LIMIT, unless it is a LIMIT BY."""
    if "LIMIT" not in words:
        return None
    after = words[len(words) - words[::-1].index("LIMIT") :]
    return None if "BY" in after else after


def _combined(words: list[str]) -> bool:
    """Whether this is a UNION, INTERSECT or EXCEPT of queries; ``* EXCEPT (name)`` is not."""
    return any(word in {"UNION", "INTERSECT", "EXCEPT"} and before != "*" for before, word in pairwise(words))


def _top_level(sql: str) -> list[str]:
    """The words outside all brackets, in upper case; strings and names behind a dot are left out."""
    from sqlglot import TokenType

    words, depth, dotted = [], 0, False
    for token in tokens_of(sql, "posthog"):
        name = dotted or token.token_type in {TokenType.STRING, TokenType.IDENTIFIER}
        depth -= not name and token.text in {")", "]"}
        if depth == 0 and not name:
            words.append(token.text.upper())
        depth += not name and token.text in {"(", "["}
        dotted = token.token_type is TokenType.DOT
    return words
