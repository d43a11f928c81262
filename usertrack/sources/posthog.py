"""The source PostHog, over its REST API: runs HogQL and returns complete results, or says that they were cut.

PostHog adds ``LIMIT 100`` to queries, clamps at 50 000 rows and refuses OFFSET. So every query gets an explicit limit.
A result that reaches the clamp is read page by page along the query's key; without a key it is marked as cut. The
embedded server can return a whole result as parquet; its project says so.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import NamedTuple

import httpx

from usertrack.core.errors import QueryError, SourceBusy, UsageError
from usertrack.core.json_types import JsonObject
from usertrack.core.notify import Notify
from usertrack.core.period import known_zone
from usertrack.core.spool import Spool, SpooledRows, identifier, parquet_rows
from usertrack.core.table import Table
from usertrack.core.words import number
from usertrack.library.query import Statement, rows_of_key
from usertrack.library.sql import statement_of
from usertrack.sources.clickhouse import AnswerRows, rows_of
from usertrack.sources.limits import own_limit, with_limit
from usertrack.sources.query_client import QueryClient
from usertrack.workspace.destinations import require_allowed
from usertrack.workspace.settings import Settings

PAGE_ROWS = 50_000
"""PostHog's MAX_SELECT_RETURNED_ROWS: it silently clamps every LIMIT to this."""

_AT_ONCE = 3  # queries that PostHog runs at a time for one organisation's API keys


class _Result(NamedTuple):
    rows: SpooledRows
    cut: bool = False
    notes: tuple[str, ...] = ()


NO_PROJECT_READ = "the PostHog key lacks the scope project:read, so times are in UTC, not in the project's timezone"


class PostHog:
    """One project of PostHog, on the Cloud or embedded.

    ``timeout`` is in seconds, for one query or one page of it; ``page_rows`` is the server's clamp.
    """

    def __init__(  # noqa: PLR0913
        self,
        host: str,
        project_id: str,
        key: str,
        notify: Notify,
        *,
        timeout: float = 300,
        page_rows: int = PAGE_ROWS,
        retry_pause: float = 1.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._notify = notify
        self._page_rows = page_rows
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._api = QueryClient(host, project_id, key, notify, timeout=timeout, pause=retry_pause, transport=transport)

    @classmethod
    def from_settings(cls, settings: Settings, notify: Notify) -> "PostHog":
        project = str(settings["posthog.project_id"] or "")
        if not (project.isdecimal() or project == "@current"):
            raise UsageError(
                "POSTHOG_PROJECT_ID takes a number" if project else "PostHog needs the number of the project",
                "set POSTHOG_PROJECT_ID; it is in the address of your project, such as /project/12345",
            )
        require_allowed(settings, "posthog.personal_api_key")
        if not settings["posthog.personal_api_key"]:
            raise UsageError(
                "PostHog needs a personal API key",
                "make one in PostHog (Settings, Personal API keys, scope query:read); `usertrack login` stores it",
            )
        host, key, timeout = (settings[f"posthog.{name}"] for name in ("host", "personal_api_key", "timeout"))
        try:
            return cls(host, project, key, notify, timeout=timeout)
        except httpx.InvalidURL as error:
            raise UsageError("POSTHOG_HOST is not an address", "US Cloud is https://us.posthog.com") from error

    async def run(self, statement: Statement, spool: Spool) -> Table:
        """The result of ``statement``: complete, unless it has a ``limit``, or no key and more rows than a page.

        Raises QueryError, SourceBusy or ConnectionFailed.
        """
        try:
            async with self._at_once:
                about = await self._api.about()
                table = None
                if statement.for_all_keys and about.get("usertrack_gives_again"):
                    # one answer then serves whoever is asked about next
                    table = rows_of_key(await self._ask(statement.of_all, about, spool), statement)
                return table or await self._ask(statement, about, spool)
        except (QueryError, SourceBusy) as error:
            raise type(error)(f"{statement.name}: {error.message}", error.hint) from error

    async def _ask(self, statement: Statement, about: Mapping[str, object], spool: Spool) -> Table:
        started = time.perf_counter()
        result = await self._fetch(statement, spool, as_parquet=bool(about.get("usertrack_parquet")))
        return Table(
            columns=result.rows.columns,
            rows=result.rows.head(statement.limit),
            name=statement.name,
            source="posthog",
            query=statement.sql,
            parameters=dict(statement.values),
            elapsed=time.perf_counter() - started,
            truncated=result.cut or (statement.limit is not None and len(result.rows) > statement.limit),
            timezone=known_zone(about.get("timezone")),
            notes=(*result.notes, *self._api.damage, *(() if about else (NO_PROJECT_READ,))),
        )

    async def about(self) -> JsonObject:
        """The project; empty when the key lacks that scope. Raises SourceBusy or ConnectionFailed."""
        return await self._api.about()

    async def call(self, method: str, path: str, body: object = None) -> JsonObject:
        """The answer to one request below the project; raises QueryError, SourceBusy or ConnectionFailed."""
        return await self._api.call(method, path, body)

    async def query(self, node: Mapping[str, object], name: str) -> JsonObject:
        """The answer to one query of any kind; raises QueryError, SourceBusy or ConnectionFailed."""
        async with self._at_once:
            return await self._api.ask_node(node, name)

    async def insight(self, key: str, refresh: str) -> JsonObject:
        """The saved insight with its result; raises QueryError, SourceBusy or ConnectionFailed."""
        return await self._api.insight(key, refresh)

    async def close(self) -> None:
        await self._api.close()

    async def _fetch(self, statement: Statement, spool: Spool, *, as_parquet: bool) -> _Result:
        sql = statement_of(statement.sql, "posthog")
        if statement.limit is not None:
            sql = with_limit(sql, statement.limit + 1 if statement.limit else 0)
        if as_parquet:
            path = spool.path("parquet")
            path.write_bytes(await self._api.ask_parquet(sql, statement.values, statement.name))
            return _Result(parquet_rows(path))
        bound = own_limit(sql, statement.values)
        text = with_limit(sql, self._page_rows) if bound is None else sql
        result = await self._page(text, statement, spool)
        if len(result) < self._page_rows or (bound is not None and bound <= self._page_rows):
            return _Result(result.rows())
        if not statement.key:
            return _Result(result.rows(), cut=True)
        pages = await self._pages(sql, statement, spool)
        return _Result(pages.rows(), notes=(f"{number(len(pages))} rows, in the order of {statement.key}",))

    async def _page(self, sql: str, statement: Statement, spool: Spool) -> AnswerRows:
        result = AnswerRows(spool)
        document = await self._api.ask(sql, statement.values, statement.name)
        result.add(document, rows_of(document))
        return result

    async def _pages(self, sql: str, statement: Statement, spool: Spool) -> AnswerRows:
        """All rows, page by page along the key, those without a key last.

        A full page may be cut within the rows of its last key, so these are read with the next page.
        """
        key, result, after = identifier(statement.key), AnswerRows(spool), None
        while True:
            condition = f"WHERE {key} > {{usertrack_after}} OR {key} IS NULL " if after is not None else ""
            values = {**statement.values, "usertrack_after": after} if condition else statement.values
            text = f"SELECT * FROM (\n{sql}\n) {condition}ORDER BY {key} LIMIT {self._page_rows}"
            document = await self._api.ask(text, values, statement.name)
            rows = rows_of(document)
            if len(rows) < self._page_rows:
                result.add(document, rows)
                return result
            at = document["columns"].index(statement.key)
            rows = [row for row in rows if row[at] != rows[-1][at]]
            if not rows or rows[-1][at] == after:
                raise QueryError(
                    f"{number(self._page_rows)} rows or more share one {statement.key}",
                    f"group by {statement.key} in the query",
                )
            result.add(document, rows)
            after = rows[-1][at]
            self._notify(f"{statement.name}: {number(len(result))} rows so far", passing=True)
