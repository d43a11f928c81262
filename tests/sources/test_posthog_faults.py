"""Everything that PostHog, a proxy or a network can answer instead of an answer, and what the user is told to do."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sources.wires import KEY, Answers, Wire, error, refused, rows, table, tables
from usertrack.core.errors import ConnectionFailed, QueryError, SourceBusy, UsertrackError
from usertrack.core.spool import Spool
from usertrack.library.library import Statement
from usertrack.sources.posthog import PostHog
from usertrack.sources.retry import ATTEMPTS


def page(status: int, body: str = "<html>Bad gateway</html>") -> httpx.Response:
    return httpx.Response(status, html=body)


def raw(body: bytes) -> httpx.Response:
    return httpx.Response(200, content=body, headers={"content-type": "application/json"})


def status(**known: Any) -> dict[str, Any]:
    return {"query_status": {"id": "x", "complete": False, "error": False, "results": None, **known}}


def done(answer: httpx.Response) -> httpx.Response:
    return httpx.Response(200, json=status(complete=True, results=answer.json()))


RUNNING = httpx.Response(202, json=status())
TIMED_OUT = error(504, "Query has hit the max execution time before completing. Try reducing its scope.")
FULL = error(504, "Query has hit the memory limit before completing.")

FINAL: list[tuple[httpx.Response, type[UsertrackError], str, str]] = [
    (error(400, "Unable to resolve field: emial", "hogql_query_error"), QueryError, "field: emial", ""),
    (error(400, "mismatched input", "hogql_syntax_error"), QueryError, "mismatched input", "HogQL"),
    (error(400), QueryError, "no reason given", ""),
    (error(401, f"Personal API key {KEY} is invalid."), ConnectionFailed, "personal API key", "query:read"),
    (error(402, "Your organization reached its billing limit"), ConnectionFailed, "billing limit", "raise"),
    (error(403, "API key missing required scope 'query:read'"), ConnectionFailed, "scope query:read", "add it"),
    (
        error(403, "API key does not have access to the requested project: ID 7."),
        ConnectionFailed,
        "project: ID 7",
        "POSTHOG_PROJECT_ID",
    ),
    (
        error(403, "API keys with scoped projects are only supported on project-based endpoints."),
        ConnectionFailed,
        "scoped projects",
        "POSTHOG_PROJECT_ID",
    ),
    (error(404, "Project not found."), ConnectionFailed, "Project not found", "eu.posthog.com"),
    (error(404, "Query 0-1 not found for team 1"), QueryError, "no longer knows", "again"),
    (page(404), ConnectionFailed, "HTTP 404", "POSTHOG_HOST"),
    (error(429, Retry_After="3600"), SourceBusy, "for 60 minutes", "in 60 minutes"),
    (error(429, Retry_After="9" * 400), SourceBusy, "slow down", "minutes"),
    (error(503, Retry_After="86400"), SourceBusy, "busy", "minutes"),
    (error(500, f"ClickHouse error {KEY}"), QueryError, "HTTP 500: ClickHouse error [key]", "support"),
    (page(500), QueryError, "HTTP 500", "support"),
    (FULL, SourceBusy, "memory", "shorter range"),
    (error(512, "Estimated query execution time is too long."), SourceBusy, "too long", "shorter range"),
    (httpx.Response(301, headers={"location": "https://eu.posthog.com/"}), ConnectionFailed, "eu.posthog.com", "EU"),
    (httpx.Response(308), ConnectionFailed, "redirect to nowhere", "US Cloud"),
    (page(200), ConnectionFailed, "text/html", "us.posthog.com"),
    (httpx.Response(200), ConnectionFailed, "nothing", "us.posthog.com"),
    (httpx.Response(200, json=[1]), ConnectionFailed, "application/json", "us.posthog.com"),
    (httpx.Response(200, json={"error": "Code 47, unknown"}), QueryError, "Code 47", ""),
    (httpx.Response(200, json={}), QueryError, "an empty object", "support"),
    (raw(b'{"results": [["\xff"]]}'), QueryError, "text that is not UTF-8", "support"),
    (raw(b'{"results": [[nope]]}'), QueryError, "JSON that cannot be read", "support"),
    (httpx.Response(200, json={"results": None}), QueryError, "without results", "again"),
    (httpx.Response(200, json={"results": [1], "columns": ["a"]}), QueryError, "do not fit", "support"),
    (httpx.Response(200, json={"results": [[1]], "columns": ["a", "b"]}), QueryError, "do not fit", "support"),
    (httpx.Response(202, json={"results": None}), QueryError, "without results", "again"),
    (httpx.Response(418, json={"detail": "\x00teapot"}), QueryError, "HTTP 418", "again"),
]


@pytest.mark.parametrize(("answer", "kind", "message", "hint"), FINAL)
def test_refusals_say_what_to_do(
    tmp_path: Path, answer: httpx.Response, kind: type[UsertrackError], message: str, hint: str
) -> None:
    server = Answers(answer)
    error = refused(server.wire, tmp_path)
    assert isinstance(error, kind)
    assert message in error.message
    assert hint in error.hint
    assert len(server.wire.bodies) == 1


AGAIN: list[tuple[httpx.Response | Exception, str]] = [
    (error(429, Retry_After="0"), "slow down"),
    (error(429), "slow down"),
    (error(429, Retry_After="soon"), "slow down"),
    (page(502), "HTTP 502"),
    (page(503), "HTTP 503"),
    (error(503, "Queries are a little too busy right now"), "HTTP 503"),
    (httpx.ReadError("reset"), "ReadError"),
    (httpx.RemoteProtocolError("peer closed connection"), "RemoteProtocolError"),
    (httpx.DecodingError("no gzip"), "DecodingError"),
    (raw(b'{"results": [[1'), "cut off"),
    (raw('{"results": [["é'.encode()[:-1]), "cut off"),
    (raw(b'{"types": {}, "results": {}'), "cut off"),
]


@pytest.mark.parametrize(("answer", "message"), AGAIN)
def test_what_passes_is_tried_again(tmp_path: Path, answer: httpx.Response | Exception, message: str) -> None:
    notices: list[str] = []
    result = table(Answers(answer, answer, rows(7)).wire, "SELECT 1", tmp_path, notices=notices)
    assert list(result.rows) == [(7,)]
    assert len(notices) == 2
    assert all(message in notice and "trying again" in notice for notice in notices)


@pytest.mark.parametrize(("answer", "message"), AGAIN)
def test_what_does_not_pass_is_given_up(tmp_path: Path, answer: httpx.Response | Exception, message: str) -> None:
    notices: list[str] = []
    server = Answers(answer)
    assert message in refused(server.wire, tmp_path, notices=notices).message
    assert (len(server.wire.bodies), len(notices)) == (ATTEMPTS, ATTEMPTS - 1)


def test_retry_after_is_waited_for_and_told(tmp_path: Path) -> None:
    for header in ("1", format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True)):
        notices: list[str] = []
        before = datetime.now(UTC)
        table(Answers(error(429, Retry_After=header), rows(7)).wire, "SELECT 1", tmp_path, notices=notices)
        assert datetime.now(UTC) - before > timedelta(seconds=0.9)
        assert notices[0].endswith((" in 1 s", " in 2 s"))


@pytest.mark.parametrize("slow", [TIMED_OUT, page(504), httpx.ReadTimeout("75 s"), httpx.WriteTimeout("75 s")])
def test_a_query_too_slow_to_wait_for_runs_in_the_background(tmp_path: Path, slow: httpx.Response | Exception) -> None:
    notices: list[str] = []
    server = Answers(slow, RUNNING, RUNNING, done(rows(7)))
    assert list(table(server.wire, "SELECT 1", tmp_path, notices=notices).rows) == [(7,)]
    assert [body["refresh"] for body in server.wire.bodies] == ["force_blocking", "force_async"]
    assert "background" in " ".join(notices)
    first, second = (body["client_query_id"] for body in server.wire.bodies)
    assert server.wire.paths("DELETE") == [f"/api/projects/1/query/{first}/"]
    assert server.wire.paths("GET")[-1] == f"/api/projects/1/query/{second}/"


@pytest.mark.parametrize("slow", [TIMED_OUT, page(504), httpx.ReadTimeout("75 s")])
def test_too_slow_even_in_the_background(tmp_path: Path, slow: httpx.Response | Exception) -> None:
    error = refused(Answers(slow).wire, tmp_path)
    assert isinstance(error, SourceBusy)
    assert "shorter range" in error.hint


@pytest.mark.parametrize("first", [RUNNING, httpx.Response(202, json=status() | {"results": None, "columns": None})])
def test_an_unfinished_query_is_no_empty_one(tmp_path: Path, first: httpx.Response) -> None:
    answer = table(Answers(first, RUNNING, page(502), done(rows(7, 8))).wire, "SELECT 1", tmp_path)
    assert list(answer.rows) == [(7,), (8,)]


def test_an_empty_answer_with_a_finished_status_is_empty(tmp_path: Path) -> None:
    answer = httpx.Response(200, json=rows().json() | status(complete=True))
    assert list(table(Answers(answer).wire, "SELECT 1", tmp_path).rows) == []


FAILED = [
    (httpx.Response(400, json=status(complete=True, error=True, error_message="no such column")), "no such column"),
    (httpx.Response(200, json=status(complete=True, error=True, error_message="no such column")), "no such column"),
    (httpx.Response(200, json=status(complete=True, error=True)), "no reason given"),
    (httpx.Response(500, json=status(complete=True, error=True)), "HTTP 500"),
    (httpx.Response(200, json=status(complete=True)), "no reason given"),
    (httpx.Response(200, json={"query_status": "what?"}), "without a status"),
    (error(404, "Query x not found for team 1"), "no longer knows"),
]


@pytest.mark.parametrize(("answer", "message"), FAILED)
def test_a_query_that_fails_in_the_background(tmp_path: Path, answer: httpx.Response, message: str) -> None:
    error = refused(Answers(RUNNING, answer).wire, tmp_path)
    assert isinstance(error, QueryError)
    assert message in error.message


def test_a_background_query_that_times_out_is_no_fault_of_the_query(tmp_path: Path) -> None:
    message = "Query has hit the max execution time before completing."
    failed = httpx.Response(400, json=status(complete=True, error=True, error_message=message))
    assert isinstance(refused(Answers(RUNNING, failed).wire, tmp_path), SourceBusy)


def test_the_project_is_asked_about_once_and_its_refusal_shared(tmp_path: Path) -> None:
    wire = Wire(httpx.MockTransport(lambda request: error(401)))
    with pytest.raises(ConnectionFailed):
        tables(wire, [Statement("posthog", "SELECT 1")] * 5, tmp_path)
    assert len(wire.requests) == 1


def test_a_key_without_project_read_still_queries(tmp_path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        lacks = error(403, "API key missing required scope 'project:read'")
        return lacks if request.method == "GET" else rows(7)

    result = table(Wire(httpx.MockTransport(answer)), "SELECT 1", tmp_path)
    assert (list(result.rows), result.timezone) == ([(7,)], "UTC")
    assert "lacks the scope project:read" in result.notes[0]


def test_three_at_a_time(tmp_path: Path) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.01)
        return rows(7)

    wire = Wire(httpx.MockTransport(answer))
    assert len(tables(wire, [Statement("posthog", "SELECT 1")] * 10, tmp_path)) == 10
    assert wire.busiest == 3


def test_waiting_for_a_turn_is_not_taking_long(tmp_path: Path) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.2)
        return rows(7)

    assert (
        len(tables(Wire(httpx.MockTransport(answer)), [Statement("posthog", "SELECT 1")] * 9, tmp_path, timeout=0.5))
        == 9
    )


@pytest.mark.parametrize("first", ["hang", "poll"])
def test_a_query_that_nobody_waits_for_is_stopped(tmp_path: Path, first: str) -> None:
    began = asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE" or request.url.path == "/api/projects/1/":
            return httpx.Response(200, json={"message": "ok"})
        if request.method == "GET" or first == "hang":
            began.set()
            await asyncio.sleep(60)
        return RUNNING

    wire = Wire(httpx.MockTransport(answer))

    async def interrupt() -> None:
        source = PostHog("http://posthog", "1", KEY, lambda *_, **__: None, transport=wire, retry_pause=0.001)
        task = asyncio.create_task(source.run(Statement("posthog", "SELECT 1"), Spool(tmp_path)))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await source.close()

    asyncio.run(interrupt())
    assert wire.paths("DELETE") == [f"/api/projects/1/query/{wire.bodies[0]['client_query_id']}/"]


class Listener:
    """A bare TCP server: says ``answer`` to each request on a connection, then closes it unless told to ``keep``."""

    def __init__(self, answer: bytes | None, *, keep: bool = False) -> None:
        self.answer, self.keep, self.connections = answer, keep, 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.host = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        held = b""
        while data := connection.recv(65536):
            held += data
            head, end, body = held.partition(b"\r\n\r\n")
            length = next(
                (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0
            )
            complete = end and len(body) >= length
            if self.answer is None or (held[:1].isalpha() and not complete):
                continue
            held = b""
            connection.sendall(self.answer)
            if not self.keep:
                break
        connection.close()


@contextmanager
def listening(answer: bytes | None, *, keep: bool = False) -> Iterator[Listener]:
    listener = Listener(answer, keep=keep)
    yield listener
    listener.socket.close()


def test_one_connection_is_kept(tmp_path: Path) -> None:
    body = json.dumps({**rows(7).json(), "id": 1}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"

    async def ask(host: str) -> None:
        source = PostHog(host, "1", KEY, lambda *_, **__: None)
        for _ in range(5):
            await source.run(Statement("posthog", "SELECT 1"), Spool(tmp_path))
        await source.close()

    with listening(head.encode() + body, keep=True) as server:
        asyncio.run(ask(server.host))
        assert server.connections == 1


def test_a_connection_that_dies_mid_body(tmp_path: Path) -> None:
    half = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"results": [[1'
    with listening(half) as server:
        error = refused(None, tmp_path, host=server.host)
        assert server.connections == ATTEMPTS
    assert isinstance(error, ConnectionFailed)
    assert "broke" in error.message


def test_a_server_that_hangs(tmp_path: Path) -> None:
    with listening(None) as server:
        error = refused(None, tmp_path, host=server.host, timeout=0.3)
    assert isinstance(error, SourceBusy)
    assert "longer than 0.3 s" in error.message


def test_a_server_that_speaks_no_tls(tmp_path: Path) -> None:
    with listening(b"HTTP/1.1 400 Bad Request\r\n\r\n") as server:
        error = refused(None, tmp_path, host=server.host.replace("http:", "https:"))
    assert (type(error), "TLS" in error.message) == (ConnectionFailed, True)


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("http://127.0.0.1:1", "nothing answers"),
        ("http://localhost:1", "nothing answers"),
        ("http://nowhere.invalid", "host name is not known"),
        ("posthog.com", "not an address"),
    ],
)
def test_a_host_that_is_not_there(tmp_path: Path, host: str, message: str) -> None:
    error = refused(None, tmp_path, host=host)
    assert isinstance(error, ConnectionFailed)
    assert message in error.message
    assert "http" in error.hint or "POSTHOG_HOST" in error.hint


def test_a_host_that_takes_no_connection(tmp_path: Path) -> None:
    error = refused(Answers(httpx.ConnectTimeout("15 s")).wire, tmp_path)
    assert (type(error), error.message) == (ConnectionFailed, "cannot reach PostHog: it did not answer in time")


def test_values_that_json_or_unicode_lack(tmp_path: Path) -> None:
    body = b'{"columns": ["a"], "types": [["a", "String"]], "results": [[NaN], ["\\ud83d!"], ["\\u0000"], [null]]}'
    answer = table(Answers(httpx.Response(200, content=body)).wire, "SELECT 1", tmp_path)
    assert list(answer.rows) == [(None,), ("?!",), ("\0",), (None,)]


def test_numbers_too_wide_for_a_bigint_keep_their_digits(tmp_path: Path) -> None:
    answer = table(Answers(rows(2**63 - 1, 2**64 - 1, None, types=["UInt64"])).wire, "SELECT 1", tmp_path)
    assert list(answer.rows) == [(str(2**63 - 1),), (str(2**64 - 1),), (None,)]
    answer = table(Answers(rows(2**200, -(2**200), types=["Int256"])).wire, "SELECT 1", tmp_path)
    assert list(answer.rows) == [(str(2**200),), (str(-(2**200)),)]


def test_a_long_cell(tmp_path: Path) -> None:
    text = "é" * 5_000_000
    answer = table(Answers(rows(text, types=["String"])).wire, "SELECT 1", tmp_path)
    assert list(answer.rows) == [(text,)]


def test_times_with_an_offset_become_utc(tmp_path: Path) -> None:
    row = ("2020-06-10T00:00:00-07:00", ["2020-06-10T00:00:00+02:00", None])
    types = ["DateTime('US/Pacific')", "Array(Nullable(DateTime64(6, 'Europe/Berlin')))"]
    answer = table(Answers(rows(row, types=types)).wire, "SELECT 1", tmp_path)
    assert list(answer.rows) == [(datetime(2020, 6, 10, 7), [datetime(2020, 6, 9, 22), None])]


def test_an_answer_without_the_newest_events_is_told(tmp_path: Path) -> None:
    late, notices = rows(1), list[str]()
    late.headers["X-Usertrack-Waiting"] = "12"
    assert list(table(Answers(late).wire, "SELECT 1", tmp_path, notices=notices).rows) == [(1,)]
    assert notices == ["this answer lacks the newest events: 12 requests with some wait to be stored"]
