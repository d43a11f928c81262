"""PostHog over its REST API: HogQL in, whole results out, never silently short.

PostHog adds ``LIMIT 100`` by itself, clamps at 50 000 rows and refuses OFFSET. So a query with a key is read page by
page along that key; one without gets an explicit limit and says when it was cut. The embedded server can hand over
a whole result as parquet, and says so when it is asked about the project.
"""

import asyncio
import json
import time
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from usertrack.errors import ConnectionFailed, QueryError, SourceBusy, UsageError, UsertrackError
from usertrack.library import Statement, statement_of, tokens_of
from usertrack.settings import Settings
from usertrack.sources import Notify, http
from usertrack.spool import Spool, SpooledRows, identifier, json_rows, parquet_rows, unique
from usertrack.table import Column, Table

PAGE_ROWS = 50_000
"""PostHog's MAX_SELECT_RETURNED_ROWS: it clamps every LIMIT to this without a word."""

_AT_ONCE = 3  # queries that PostHog runs at a time for one organisation's API keys
_BLOCKING_SECONDS = 75  # PostHog's gateway gives up at 60
_PARQUET = "application/vnd.apache.parquet"


class PostHog:
    """One project of PostHog, on the Cloud or embedded."""

    def __init__(
        self,
        host: str,
        project_id: str,
        key: str,
        notify: Notify,
        *,
        timeout: float = 300,
        transport: httpx.AsyncBaseTransport | None = None,
        retry_pause: float = 1.0,
    ) -> None:
        self._notify = notify
        self._timeout = timeout
        self._pause = retry_pause
        self._path = f"/api/projects/{project_id}"
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._asking = asyncio.Lock()
        self._about: dict[str, Any] | None = None
        self._client = httpx.AsyncClient(
            base_url=host,
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(_BLOCKING_SECONDS, connect=15),
            transport=transport,
        )

    @classmethod
    def from_settings(cls, settings: Settings, notify: Notify) -> "PostHog":
        if not settings["posthog.project_id"]:
            raise UsageError(
                "PostHog needs the number of the project",
                "set POSTHOG_PROJECT_ID; it is in the address of your project, such as /project/12345",
            )
        project, key = str(settings["posthog.project_id"]), str(settings["posthog.personal_api_key"])
        if not (project.isdigit() or project == "@current"):
            raise UsageError(
                "POSTHOG_PROJECT_ID takes a number", "it is in the address of your project, such as /project/12345"
            )
        if not key.isascii() or not key.isprintable():
            raise UsageError(
                "POSTHOG_PERSONAL_API_KEY holds characters that no key has", "copy it again; it begins with phx_"
            )
        return cls(settings["posthog.host"], project, key, notify, timeout=settings["posthog.timeout"])

    async def run(self, statement: Statement, spool: Spool) -> Table:
        """The result of ``statement``: whole, unless it has a ``limit``, or no key and more than 50 000 rows.

        Raises QueryError, SourceBusy or ConnectionFailed.
        """
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._timeout), self._at_once:
                about = await self.about()
                rows, truncated = await self._fetch(statement, spool, whole=bool(about.get("usertrack_parquet")))
        except TimeoutError as error:
            raise SourceBusy(
                f"{statement.name}: PostHog took longer than {self._timeout:g} s",
                "ask for a shorter range, or raise `posthog.timeout` in usertrack.yaml",
            ) from error
        except UsertrackError as error:
            raise type(error)(f"{statement.name}: {error.message}", error.hint) from error
        return Table(
            columns=rows.columns,
            rows=rows,
            name=statement.name,
            source="posthog",
            query=statement.sql,
            parameters=dict(statement.values),
            elapsed=time.perf_counter() - started,
            truncated=truncated,
            timezone=str(about.get("timezone") or "UTC"),
        )

    async def about(self) -> dict[str, Any]:
        """What PostHog says of the project (name, timezone, …); empty when the key may not ask."""
        async with self._asking:
            if self._about is None:
                try:
                    self._about = http.json_body(await self._send("GET", f"{self._path}/"))
                except ConnectionFailed as error:
                    if "scope" not in error.message:
                        raise
                    self._about = {}
            return self._about

    async def close(self) -> None:
        await self._client.aclose()

    async def _fetch(self, statement: Statement, spool: Spool, *, whole: bool) -> tuple[SpooledRows, bool]:
        sql = statement_of(statement.sql, "posthog")
        if statement.limit is not None:
            rows = await self._page(with_limit(sql, statement.limit + 1), statement, spool)
            return rows.head(statement.limit), len(rows) > statement.limit
        if whole:
            return await self._parquet(sql, statement, spool), False
        if statement.key:
            return await self._pages(sql, statement, spool), False
        limited = has_limit(sql)
        rows = await self._page(sql if limited else with_limit(sql, PAGE_ROWS), statement, spool)
        return rows, len(rows) >= PAGE_ROWS

    async def _pages(self, sql: str, statement: Statement, spool: Spool) -> SpooledRows:
        """All rows, page by page along the key. Rows without a key come last."""
        key, paths, total, after = identifier(statement.key), [], 0, None
        while True:
            values = dict(statement.values)
            condition = ""
            if after is not None:
                values["usertrack_after"] = after
                condition = f"WHERE {key} > {{usertrack_after}} OR {key} IS NULL "
            text = f"SELECT * FROM (\n{sql}\n) {condition}ORDER BY {key} LIMIT {PAGE_ROWS}"
            document = await self._ask(text, values, statement.name)
            rows = document["results"]
            columns = _columns(document)
            paths.append(_write_lines(rows, spool))
            total += len(rows)
            if len(rows) < PAGE_ROWS:
                return json_rows(paths, columns, total)
            last = rows[-1][[column.name for column in columns].index(statement.key)]
            if last is None or last == after:
                raise QueryError(
                    f"more than {PAGE_ROWS} rows share one {statement.key}", f"group by {statement.key} in the query"
                )
            after = last
            self._notify(f"{statement.name}: {total:,} rows so far", passing=True)

    async def _page(self, sql: str, statement: Statement, spool: Spool) -> SpooledRows:
        document = await self._ask(sql, statement.values, statement.name)
        return json_rows([_write_lines(document["results"], spool)], _columns(document), len(document["results"]))

    async def _parquet(self, sql: str, statement: Statement, spool: Spool) -> SpooledRows:
        body = self._query(sql, statement.values, statement.name)
        response = await self._send("POST", f"{self._path}/query/", json=body, headers={"Accept": _PARQUET})
        path = spool.path("parquet")
        path.write_bytes(response.content)
        return parquet_rows(path)

    async def _ask(self, sql: str, values: Mapping[str, Any], name: str) -> dict[str, Any]:
        """The answer to one HogQL query: blocking, and asynchronously if that takes too long."""
        body = self._query(sql, values, name)
        try:
            document = http.json_body(await self._send("POST", f"{self._path}/query/", json=body))
        except http.TooSlow:
            self._notify(f"{name} takes long; asking PostHog to run it in the background")
            document = http.json_body(
                await self._send("POST", f"{self._path}/query/", json=body | {"refresh": "force_async"})
            )
        status = document.get("query_status")
        if status and not document.get("results"):
            document = await self._poll(status)
        if document.get("error"):
            raise QueryError(f"PostHog failed the query: {http.clean(str(document['error']))}")
        if not isinstance(document.get("results"), list) or not isinstance(document.get("columns"), list):
            raise QueryError("PostHog answered without results", "try again; if it stays, ask PostHog's support")
        return document

    def _query(self, sql: str, values: Mapping[str, Any], name: str) -> dict[str, Any]:
        node = {
            "kind": "HogQLQuery",
            "query": sql,
            "values": {key: _json_value(value) for key, value in values.items()},
            # the person of today, on every project alike: not the e-mail that an event was once stored with
            "modifiers": {"personsOnEventsMode": "person_id_override_properties_joined"},
        }
        return {
            "query": node,
            "refresh": "force_blocking",
            "client_query_id": str(uuid.uuid4()),
            "name": f"usertrack {name}"[:128],
        }

    async def _poll(self, status: dict[str, Any]) -> dict[str, Any]:
        """Wait for an asynchronous query. An unfinished one is never taken for an empty one."""
        path, pause = f"{self._path}/query/{status.get('id')}/", 0.25
        try:
            while not status.get("complete"):
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, 5)
                status = http.json_body(await self._send("GET", path)).get("query_status") or {}
        except asyncio.CancelledError:
            await asyncio.shield(self._client.delete(path))
            raise
        if status.get("error") or not isinstance(status.get("results"), dict):
            raise QueryError(
                f"PostHog failed the query: {http.clean(str(status.get('error_message') or 'no reason given'))}"
            )
        result: dict[str, Any] = status["results"]
        return result

    async def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        return await http.send(lambda: self._client.request(method, path, **options), self._notify, pause=self._pause)


def has_limit(sql: str) -> bool:
    """Whether ``sql`` bounds its own rows: a LIMIT at the top level that is no LIMIT BY, after no UNION."""
    return _tops(sql)[0]


def with_limit(sql: str, rows: int) -> str:
    """``sql``, bounded to ``rows``. Its order is kept: LIMIT is added to the query itself where that is possible."""
    limited, combined = _tops(sql)
    return f"SELECT * FROM (\n{sql}\n) LIMIT {rows}" if limited or combined else f"{sql}\nLIMIT {rows}"


def _tops(sql: str) -> tuple[bool, bool]:
    """Whether there is a LIMIT, and a UNION or the like, outside all parentheses."""
    words, depth = [], 0
    for token in tokens_of(sql, "posthog"):
        depth += (token.text in "([{") - (token.text in ")]}") if token.text else 0
        if depth == 0:
            words.append(token.text.upper())
    limits = " ".join(words).split("LIMIT ")[1:]
    combined = any(word in {"UNION", "INTERSECT", "EXCEPT"} for word in words)
    return bool(limits) and not limits[-1].split(" LIMIT ")[0].count(" BY ") and not combined, combined


def _write_lines(rows: list[Any], spool: Spool) -> Path:
    path = spool.path("ndjson")
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return path


def _columns(document: dict[str, Any]) -> list[Column]:
    names = unique([str(name) for name in document["columns"]])
    types = document.get("types") or []
    kinds = [str(pair[1]) if isinstance(pair, list) and len(pair) == 2 else "String" for pair in types]
    if len(kinds) != len(names):
        kinds = ["String"] * len(names)
    return [Column(name, duckdb_type(kind)) for name, kind in zip(names, kinds, strict=True)]


def duckdb_type(clickhouse: str) -> str:
    """The DuckDB type for a ClickHouse one."""
    for wrapper in ("Nullable(", "LowCardinality("):
        if clickhouse.startswith(wrapper):
            return duckdb_type(clickhouse[len(wrapper) : -1])
    if clickhouse.startswith("Array("):
        return f"{duckdb_type(clickhouse[6:-1])}[]"
    prefixes = {
        "Int": "BIGINT", "UInt": "BIGINT", "Float": "DOUBLE", "Decimal": "DOUBLE", "DateTime": "TIMESTAMP",
        "Date": "DATE", "Bool": "BOOLEAN", "Tuple": "JSON", "Map": "JSON", "JSON": "JSON", "Interval": "BIGINT",
    }  # fmt: skip
    return next((kind for prefix, kind in prefixes.items() if clickhouse.startswith(prefix)), "VARCHAR")


def _json_value(value: Any) -> Any:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
