"""What the server says of its own failures: which request, what went wrong and where, and nothing of what was sent."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from capture_fixtures import wait_until
from query_fixtures import KEY, TOKEN, Api

from usertrack.server.http import log
from usertrack.server.http.log import to_stderr

LONG = "x" * 100_000
NEWER_UUID = "00000000-0000-0000-0000-000000000001"
CommandResult = Callable[[Callable[[], httpx.Response]], tuple[httpx.Response, dict[str, Any]]]


@pytest.fixture(autouse=True)
def loggers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As they were before."""
    monkeypatch.setattr(logging, "raiseExceptions", True)  # which `to_stderr` changes
    loggers = [logging.getLogger(name) for name in ("usertrack.server", "uvicorn", "asyncio")]
    before = [(logger.handlers, logger.propagate, logger.level) for logger in loggers]
    yield
    for logger, (handlers, propagate, level) in zip(loggers, before, strict=True):
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


@pytest.fixture
def answer_and_line(capsys: pytest.CaptureFixture[str]) -> CommandResult:
    """Calls something, and returns its answer and the one line of JSON on standard error."""

    def lines(call: Callable[[], httpx.Response]) -> tuple[httpx.Response, dict[str, Any]]:
        to_stderr("json")
        answer = call()
        (line,) = capsys.readouterr().err.splitlines()
        return answer, json.loads(line)

    return lines


@contextmanager
def without_events(api: Api) -> Iterator[None]:
    api.store.query("RENAME TABLE posthog.events TO posthog.away")
    try:
        yield
    finally:
        api.store.query("RENAME TABLE posthog.away TO posthog.events")


@contextmanager
def without_room(api: Api) -> Iterator[None]:
    """As if the disk were full: the log may not grow."""
    api.request("POST", "/e/", json={"event": "hi", "distinct_id": "a", "api_key": TOKEN})
    writer = api.store.log._writer  # type: ignore[attr-defined]
    writer.execute("PRAGMA max_page_count = 1")
    try:
        yield
    finally:
        writer.execute("PRAGMA max_page_count = 4294967294")


def test_events_that_were_not_taken(api: Api, answer_and_line: CommandResult) -> None:
    event = {"event": "hi", "distinct_id": "ann@x.example", "api_key": TOKEN, "properties": {"long": LONG}}
    with without_room(api):
        answer, line = answer_and_line(lambda: api.request("POST", "/e/", json=event))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert line.pop("time").endswith("Z")
    assert any(place.startswith("usertrack.server.event_log.sqlite_log:") for place in line.pop("trace"))
    assert line == {
        "level": "error",
        "request_id": answer.headers["x-request-id"],
        "method": "POST",
        "path": "/e/",
        "logger": "usertrack.server.capture.capture_api",
        "message": "events were not taken",
        "error": "NotAppended",
    }


def test_events_of_the_newer_capture_that_were_not_taken(api: Api, answer_and_line: CommandResult) -> None:
    with without_room(api):
        answer, line = answer_and_line(lambda: api.request("POST", "/i/v1/analytics/events", **newer("ann@x.example")))
    assert answer.json()["results"] == {NEWER_UUID: {"result": "retry", "details": "not_persisted"}}
    assert answer.headers["retry-after"] == "1"
    assert (line["request_id"], line["error"]) == (answer.headers["x-request-id"], "NotAppended")


def newer(distinct_id: str) -> dict[str, Any]:
    now = "2026-03-01T12:00:00Z"
    names = ("PostHog-Sdk-Info", "PostHog-Attempt", "PostHog-Request-Id")
    headers = {"Authorization": f"Bearer {TOKEN}", "PostHog-Request-Timestamp": now, **dict.fromkeys(names, "x")}
    event = {
        "event": "hi",
        "uuid": NEWER_UUID,
        "distinct_id": distinct_id,
        "timestamp": now,
        "properties": {"long": LONG},
    }
    return {"json": {"created_at": now, "batch": [event]}, "headers": headers}


def test_a_failure_is_told_without_what_was_sent(api: Api, answer_and_line: CommandResult) -> None:
    (api.store.path / "insights.sqlite").unlink(missing_ok=True)
    (api.store.path / "insights.sqlite").mkdir()
    answer, line = answer_and_line(lambda: api.get(f"/api/projects/1/insights/secret?personal_api_key={KEY}"))
    (api.store.path / "insights.sqlite").rmdir()
    assert (answer.status_code, answer.json()["detail"]) == (500, "A server error occurred.")
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["path"] == "/api/projects/{project_id}/insights/{key}"
    assert line["error"] == "OperationalError"
    assert KEY not in json.dumps(line)


def test_a_query_that_the_server_gave_up(api: Api, answer_and_line: CommandResult) -> None:
    small = api.with_settings(query_memory=64 << 20)
    answer, line = answer_and_line(lambda: small.post("SELECT range(100000000), 'ann@x.example'"))
    assert (line["level"], line["request_id"]) == ("warning", answer.headers["x-request-id"])
    assert line["message"] == "answered with HTTP 504, clickhouse_memory_limit_exceeded"
    assert "ann@x.example" not in json.dumps(line)


def test_events_that_the_store_does_not_take_wait(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    to_stderr("json")
    api.store.catch_up(30)  # with the events of the tests before
    with without_events(api):
        answer = api.request("POST", "/e/", json={"event": "waits", "distinct_id": "a", "api_key": TOKEN})
        refused = api.post("SELECT count() FROM events")
        wait_until(lambda: "events wait in the log: the store does not take them" in capsys.readouterr().err)
    assert answer.json() == {"status": 1}
    assert refused.headers["x-usertrack-waiting"] == "1"
    assert api.rows("SELECT count() FROM events WHERE event = 'waits'") == [[1]]


def test_text_says_the_same(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    event = {"event": "hi", "distinct_id": "a", "api_key": TOKEN, "properties": {"long": LONG}}
    with without_room(api):
        to_stderr("text")
        answer = api.request("POST", "/e/", json=event)
    first, *places = capsys.readouterr().err.splitlines()
    line = f"error [{answer.headers['x-request-id']}] POST /e/: events were not taken: NotAppended"
    assert first.partition("Z ")[2] == line
    assert places[0].startswith("    usertrack.server.capture.capture_api:")


def test_an_error_that_is_repeated_is_told_once_a_minute_with_its_count(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "REPEATED_SECONDS", 0.3)
    to_stderr("text")
    logger = logging.getLogger("asyncio")
    for number in range(1000):
        logger.error("socket.accept() out of system resource\nsocket: %d", number)
    logger.error("something else")
    lines: list[str] = []

    def told() -> int:
        lines.extend(capsys.readouterr().err.splitlines())
        return len(lines)

    wait_until(lambda: told() == 3)
    assert [line.partition(" error ")[2] for line in lines] == [
        "socket.accept() out of system resource",
        "something else",
        "socket.accept() out of system resource (999 more in a minute)",
    ]


def test_errors_with_other_values_are_told_apart_by_one_thread(capsys: pytest.CaptureFixture[str]) -> None:
    to_stderr("text")
    before = threading.active_count()
    for number in range(1000):
        logging.getLogger("asyncio").error("answered with HTTP %d", number)
    assert capsys.readouterr().err.count("answered with HTTP") == 201  # as many as a client may fill the log with
    assert threading.active_count() <= before + 1
