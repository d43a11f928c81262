"""A connection URI as libpq takes it: a `.env` is often Prisma's, which has parameters of its own in the URI."""

import re
from urllib.parse import quote, unquote

_PRISMAS = {
    "schema", "pgbouncer", "connection_limit", "pool_timeout", "socket_timeout", "statement_cache_size",
    "sslaccept", "sslidentity",
}  # fmt: skip


def for_libpq(url: str) -> str:
    """``url`` without the parameters that only Prisma knows; libpq refuses any that it does not know.

    Prisma's schema becomes the search path, unless it is `public`, which is the usual one, or ``url`` has one itself.
    """
    address, question_mark, query = url.partition("?")
    if not question_mark or "://" not in address:
        return url
    pairs = [pair.split("=", 1) for pair in query.split("&")]
    texts = {name: unquote(value) for name, *values in pairs for value in values}
    schema, options = texts.get("schema", ""), texts.get("options", "")
    parameters = ["=".join(pair) for pair in pairs if pair[0] not in _PRISMAS]
    if schema not in ("", "public") and "search_path" not in options:
        parameters.append(
            f"options={quote(f'{options} {_search_path(schema)}'.strip(), safe='')}"
        )  # the last one counts
    return f"{address}?{'&'.join(parameters)}" if parameters else address


def _search_path(schema: str) -> str:
    """The server's option for this schema alone: the name in double quotes, its blanks and backslashes escaped."""
    name = schema.replace('"', '""')
    return "-csearch_path=" + re.sub(r"([\\\s])", r"\\\1", f'"{name}"')
