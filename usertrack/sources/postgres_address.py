"""A connection URI as libpq takes it: a `.env` is often Prisma's, which has parameters of its own in the URI."""

_PRISMAS = {
    "schema", "pgbouncer", "connection_limit", "pool_timeout", "socket_timeout", "statement_cache_size",
    "sslaccept", "sslidentity",
}  # fmt: skip


def for_libpq(url: str) -> str:
    """``url`` without the parameters that only Prisma knows; libpq refuses any that it does not know."""
    address, question_mark, query = url.partition("?")
    if not question_mark or "://" not in address:
        return url
    parameters = [each for each in query.split("&") if each.partition("=")[0] not in _PRISMAS]
    return f"{address}?{'&'.join(parameters)}" if parameters else address
