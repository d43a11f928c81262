"""Runs PostHog's queries, now or in the background, where they are polled and cancelled by their id.

A background query is forgotten ten minutes after it ended.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from usertrack.core.json_types import JsonObject
from usertrack.server.answer_cache import AnswerCache, is_repeatable
from usertrack.server.database.execute import DAMAGED, cancel, execute, execute_parquet, progress, read_rows
from usertrack.server.database.store import Store
from usertrack.server.hogql import Context, HogQLError, compile_hogql
from usertrack.server.hogql.compiled import CompiledQuery
from usertrack.server.hogql.parse import GRAMMAR, Tree
from usertrack.server.hogql.trees import Trees
from usertrack.server.http.api_errors import ApiError
from usertrack.server.http.server_settings import ServerSettings
from usertrack.server.insights.compute import compute
from usertrack.server.insights.nodes import LIMIT, Project
from usertrack.server.query_queue import QueryQueue, tag_of, tags_of

STATUS_TTL = 600  # seconds
TOO_MANY = "concurrency_limit_exceeded"  # PostHog's error message in a body with HTTP 200


@dataclass
class _Job:
    id: str
    tag: str
    future: "Future[bytes]"
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: datetime | None = None
    cancelled: bool = False

    def end(self, _: object) -> None:
        self.ended = datetime.now(UTC)


class QueryRunner:
    """Compiles and runs the queries of one project; `answer` and `parquet` are to be called through the ``queue``."""

    def __init__(self, store: Store, settings: ServerSettings) -> None:
        self._store, self._settings = store, settings
        # one folder for each release of the grammar
        self._trees = Trees(store.path / f"shapes-{GRAMMAR}")
        self.queue = QueryQueue(store, settings)
        self.gives_again = settings.gives_again
        self._answers = AnswerCache(store) if self.gives_again else None
        self._jobs: dict[str, _Job] = {}
        self._lock = threading.Lock()

    def answer(self, query: JsonObject, tag: str) -> bytes:
        """The whole response of PostHog as JSON; raises ApiError."""
        return self._hogql(query, tag) if query["kind"] == "HogQLQuery" else self._insight(query, tag)

    def _insight(self, query: JsonObject, tag: str) -> bytes:
        """The answer to a query of another kind, computed by HogQL queries."""
        settings = self._settings
        texts: list[str] = []

        def run_hogql(text: str, values: Mapping[str, Any]) -> list[list[Any]]:
            node = {"kind": "HogQLQuery", "query": text, "values": values, "modifiers": query.get("modifiers")}
            answer = json.loads(self._hogql(node, tag))
            texts.append(answer["hogql"])
            rows: list[list[Any]] = answer["results"]
            if len(rows) >= LIMIT:
                raise ApiError(400, "too_many_rows", "The query has too many rows. Try a shorter range.")
            return rows

        project = Project(
            ZoneInfo(settings.timezone), settings.week_start_day or 0, settings.clock(), settings.test_account_filters
        )
        started = time.perf_counter()
        try:
            results = compute(query, run_hogql, project)
        except HogQLError as error:
            raise ApiError(400, error.code, str(error)) from error
        except RecursionError as error:
            raise ApiError(400, "invalid_input", "The query is too deeply nested") from error
        fields = {
            "hogql": texts[0] if texts else "",
            "timings": [{"k": "./query", "t": time.perf_counter() - started}],
            "modifiers": query.get("modifiers") or {},
            "is_cached": False,
            "last_refresh": settings.clock().isoformat(),
            "timezone": settings.timezone,
            "error": None,
        }
        return _dumps({**results, **fields})

    def _hogql(self, query: JsonObject, tag: str) -> bytes:
        clock = [time.perf_counter()]
        compiled = self._compile(query, self._settings.row_cap)
        clock.append(time.perf_counter())
        result = execute(self._store, compiled, tag, self._settings.query_memory)
        clock.append(time.perf_counter())
        now = self._settings.clock().isoformat()
        fields: JsonObject = {
            "columns": compiled.columns,
            "types": [list(pair) for pair in zip(compiled.columns, result.types, strict=True)],
            "hogql": compiled.hogql,
            "query": query["query"],
            "clickhouse": compiled.clickhouse,
            "timings": [
                {"k": "./hogql", "t": clock[1] - clock[0]},
                {"k": "./clickhouse_execute", "t": clock[2] - clock[1]},
            ],
            "modifiers": query.get("modifiers") or {},
            "is_cached": False,
            "last_refresh": now,
            "timezone": self._settings.timezone,
            "error": None,
        }
        if compiled.page is not None:
            fields |= {"hasMore": result.has_more, "limit": compiled.page, "offset": 0}
        return b"".join((b'{"results":', result.rows, b",", _dumps(fields)[1:]))

    def parquet(self, query: JsonObject, tag: str) -> bytes:
        """The whole result as a parquet file, with no limit but the query's own; raises ApiError."""

        def ask() -> tuple[bytes, bool]:
            compiled = self._compile(query, None)
            table = execute_parquet(self._store, compiled, tag, self._settings.query_memory)
            return table, is_repeatable(compiled)

        return self._answers.answer(json.dumps(query), ask) if self._answers else ask()[0]

    def _compile(self, query: JsonObject, row_cap: int | None) -> CompiledQuery:
        values = _object(query, "values")
        texts = [query["query"], *(str(value) for value in values.values() if isinstance(value, Tree))]
        with_cohorts = any("cohort" in text.lower() for text in texts)
        try:
            cohorts = "SELECT id, name FROM posthog.cohorts FINAL WHERE NOT deleted ORDER BY id"
            return compile_hogql(
                query["query"],
                values=values,
                context=Context(
                    timezone=self._settings.timezone,
                    week_start_day=self._settings.week_start_day or 0,
                    row_cap=row_cap,
                    definitions=self._store.definitions.known(),
                    modifiers=_object(query, "modifiers"),
                    project_id=self._settings.project_id,
                    now=self._settings.now,
                    test_account_filters=self._settings.test_account_filters,
                    cohorts=dict(read_rows(self._store, cohorts)) if with_cohorts else {},
                ),
                filters=_object(query, "filters"),
                variables=_variables(_object(query, "variables")),
                parse=self._trees.parse,
            )
        except HogQLError as error:
            raise ApiError(400, error.code, str(error)) from error

    def start(
        self, query: JsonObject, query_id: str | None, *, force: bool, then: Callable[[bytes], None] | None = None
    ) -> tuple[int, bytes]:
        """Run a query in the background, and call ``then`` with the answer. Returns HTTP status and body.

        A known id returns the status of that query, unless ``force``.
        """

        def work(tag: str) -> bytes:
            answer = self.answer(query, tag)
            if then:
                then(answer)
            return answer

        self._forget_ended()
        with self._lock:
            job = self._jobs.get(query_id or "")
            if job is None or force:
                job_id = query_id or uuid4().hex
                tag = tag_of(job_id)
                job = self._jobs[job_id] = _Job(job_id, tag, self.queue.begin(work, tag))
                job.future.add_done_callback(job.end)
        return self._status(job)

    def status(self, query_id: str, *, show_progress: bool = False) -> tuple[int, bytes]:
        """HTTP status and body of a poll: 202 running, 200 complete, 400 or 500 failed; raises ApiError 404."""
        self._forget_ended()
        job = self._jobs.get(query_id)
        if job is None:
            detail = f"Query {query_id} not found for team {self._settings.project_id}"
            raise ApiError(404, "not_found", detail)
        running = show_progress and not job.future.done()
        return self._status(job, progress(self._store, job.tag) if running else None)

    def cancel(self, query_id: str) -> None:
        """Stop a running query, in the background or not."""
        if job := self._jobs.get(query_id):
            job.cancelled = True
            self.queue.stop(job.future, job.tag)
        cancel(self._store, tags_of(query_id))

    def _status(self, job: _Job, query_progress: JsonObject | None = None) -> tuple[int, bytes]:
        status: JsonObject = {
            "id": job.id,
            "team_id": self._settings.project_id,
            "insight_id": None,
            "dashboard_id": None,
            "query_async": True,
            "complete": job.future.done(),
            "error": False,
            "error_message": None,
            "start_time": job.started.isoformat(),
            "pickup_time": job.started.isoformat(),
            "end_time": job.ended.isoformat() if job.ended else None,
            "expiration_time": None,
            "task_id": job.id,
            "query_progress": query_progress,
            "labels": None,
        }
        if not job.future.done():
            return 202, _status_body(status, b"null")
        if job.cancelled or job.future.cancelled():
            return 400, _status_body({**status, "error": True, "error_message": "Query was cancelled."}, b"null")
        failure = job.future.exception()
        if failure is None:
            return 200, _status_body(status, job.future.result())
        is_told = isinstance(failure, ApiError) and (failure.status in {*range(500), 504} or failure.code == DAMAGED)
        message = str(failure) if is_told else None
        message = TOO_MANY if isinstance(failure, ApiError) and failure.status == 429 else message
        return 400 if message else 500, _status_body({**status, "error": True, "error_message": message}, b"null")

    def _forget_ended(self) -> None:
        now = datetime.now(UTC)
        with self._lock:
            for job in list(self._jobs.values()):
                if job.ended and (now - job.ended).total_seconds() > STATUS_TTL:
                    del self._jobs[job.id]


def _object(query: JsonObject, name: str) -> JsonObject:
    value = query.get(name) or {}
    if not isinstance(value, dict):
        raise ApiError(400, "invalid_input", f"query.{name} must be an object")
    return value


def _variables(variables: JsonObject) -> JsonObject:
    """Variables by code name, which queries use; PostHog sends them by id."""
    named = [variable for variable in variables.values() if isinstance(variable, dict) and "code_name" in variable]
    return {str(v["code_name"]): None if v.get("isNull") else v.get("value") for v in named}


def _status_body(status: JsonObject, results: bytes) -> bytes:
    return b"".join((b'{"query_status":{"results":', results, b",", _dumps(status)[1:], b"}"))


def _dumps(value: JsonObject) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
