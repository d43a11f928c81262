"""`POST /api/track/user-activity`: the body of the older format becomes events, and says what does not."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

import json
import random
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPConnection
from itertools import chain
from typing import Any

import httpx
import pytest
from capture_fixtures import TOKEN, Client, client, running, shared_store, store  # noqa: F401

from usertrack.core.routes import route_of

PATH = "/api/track/user-activity"
NOW = datetime.now(UTC)
MILLISECONDS = int(NOW.timestamp() * 1000)


def post(client: Client, body: Any, **extra: Any) -> httpx.Response:
    return client.http.post(PATH, json=body, **extra)


def track(client: Client, *events: Any, **body: Any) -> dict[str, Any]:
    body = {"apiKey": TOKEN, "userId": "user_123", "events": events, **body}
    return dict(post(client, body).json())


def stored(client: Client) -> list[tuple[str, dict[str, Any]]]:
    rows = client.rows("SELECT event, properties FROM posthog.events ORDER BY timestamp, event")
    return [(str(event), {**properties}) for event, properties in rows]  # type: ignore[dict-item]


def test_events_that_would_be_stored_twice_are_warned_of(client: Client) -> None:
    named = {"type": "route", "route": "/", "uuid": "01900000-0000-7000-8000-000000000001"}
    timed = {"type": "route", "route": "/", "timestamp": MILLISECONDS}
    bare = {"type": "custom", "name": "feature_used"}
    assert track(client, named, timed)["warnings"] == []
    assert track(client, named, bare, timed, bare)["warnings"] == [
        "2 events without timestamp and uuid: sent again, stored again"
    ]


def test_all_types_of_events_become_those_that_queries_know(client: Client) -> None:
    sent: list[dict[str, Any]] = [
        {"type": "route", "route": "/dashboard?tab=2"},
        {"type": "click", "element": "button.save", "route": "/dashboard"},
        {"type": "form_submit", "formId": "signup", "route": "/onboarding"},
        {"type": "page_time", "route": "/u/17", "duration": 120000},
        {"type": "error", "message": "Failed to load 4711 of ann@x.example", "route": "/dashboard"},
        {"type": "custom", "name": "feature_used", "data": {"feature": "export", "$set": {"email": "x@x.example"}}},
    ]
    timed = [{**event, "timestamp": MILLISECONDS - 6000 + number} for number, event in enumerate(sent)]
    answer = track(client, *timed, userEmail="john@acme.example", subscriptionTier="free_trial")
    assert answer == {
        "success": True,
        "stored": 6,
        "analyzed": False,
        "rejected": [],
        "rejected_count": 0,
        "ignored_fields": [],
        "warnings": [],
    }
    events = [
        (event, {key: value for key, value in properties.items() if key != "$lib"})
        for event, properties in stored(client)
    ]
    assert [event for event, _ in events] == [
        "$pageview",
        "$autocapture",
        "form_submit",
        "page_time",
        "$exception",
        "feature_used",
    ]
    assert events[0][1]["$pathname"] == "/dashboard"
    assert events[1][1] == {"$event_type": "click", "selector": "button.save", "$pathname": "/dashboard"}
    assert events[2][1] == {"form_id": "signup", "$pathname": "/onboarding"}
    assert events[3][1] == {"visible_seconds": 120, "$pathname": "/u/:id"}
    assert events[4][1]["$exception_message"] == "Failed to load * of *"
    assert events[5][1] == {"feature": "export"}
    assert client.persons()["user_123"] == {
        "claimed_email": "john@acme.example",
        "claimed_subscription_tier": "free_trial",
    }


def test_what_is_wrong_is_named_and_the_rest_is_stored(client: Client) -> None:
    answer = track(
        client,
        {"type": "route", "route": "/a"},
        {"type": "scroll"},
        {"type": "custom", "data": {}},
        {"type": "custom", "name": "$identify"},
        {"type": "page_time", "duration": -1},
        {"type": "route", "route": "/a", "timestamp": 12},
        "text",
        {"type": "click", "element": "a", "colour": "red"},
        page="/a",
    )
    assert (answer["success"], answer["stored"], answer["rejected_count"]) == (False, 2, 6)
    assert [rejection["index"] for rejection in answer["rejected"]] == [1, 2, 3, 4, 5, 6]
    assert answer["rejected"][0]["reason"] == (
        "type must be one of route, click, form_submit, page_time, error, custom"
    )
    assert answer["ignored_fields"] == ["events.colour", "page"]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ([], 400, "the body must be a JSON object"),
        ({"apiKey": "phc_other", "userId": "a", "events": []}, 401, "apiKey is not that of this project"),
        ({"userId": "a", "events": []}, 401, "apiKey is missing"),
        ({"apiKey": TOKEN, "userId": "undefined", "events": []}, 400, "userId names nobody"),
        ({"apiKey": TOKEN, "userId": "NOT_AUTHENTICATED", "events": []}, 400, "userId names nobody"),
        ({"apiKey": TOKEN, "userId": {}, "events": []}, 400, "userId must be a text or a number"),
        ({"apiKey": TOKEN, "userId": "a", "events": {}}, 400, "events must be a list"),
    ],
)
def test_a_body_that_is_none_is_refused_with_its_reason(client: Client, body: Any, status: int, reason: str) -> None:
    answer = post(client, body)
    assert (answer.status_code, answer.json()["success"], answer.json()["stored"]) == (status, False, 0)
    assert reason in answer.json()["error"]


def test_a_body_of_more_than_a_megabyte_is_refused(client: Client) -> None:
    assert client.http.post(PATH, content=b" " * (1 << 20) + b"{}").status_code == 413


def test_a_time_may_be_in_seconds_milliseconds_or_iso(client: Client) -> None:
    at = datetime(2026, 5, 1, 12, tzinfo=UTC)
    times: list[Any] = [int(at.timestamp()), int(at.timestamp() * 1000), at.isoformat()]
    assert track(client, *({"type": "click", "element": str(n), "timestamp": t} for n, t in enumerate(times)))[
        "success"
    ]
    assert client.rows("SELECT DISTINCT toString(timestamp) FROM posthog.events") == [["2026-05-01 12:00:00.000000"]]


def test_a_clock_that_is_wrong_is_corrected_where_the_body_tells_when_it_was_sent(client: Client) -> None:
    hour = 3600 * 1000
    ahead = {"type": "click", "element": "a", "timestamp": MILLISECONDS + hour - 5000}
    assert track(client, ahead, sentAt=MILLISECONDS + hour)["success"]
    assert track(client, {**ahead, "element": "b"})["success"]  # now, beside what the browser said
    soon = int(datetime.now(UTC).timestamp()) + 60
    assert client.rows(f"SELECT count() FROM posthog.events WHERE timestamp < {soon}") == [[2]]
    late = [properties["client_timestamp"] for _, properties in stored(client) if "client_timestamp" in properties]
    assert late == [datetime.fromtimestamp((MILLISECONDS + hour - 5000) / 1000, UTC).isoformat()]


def test_a_request_that_is_sent_again_stores_nothing_twice(client: Client) -> None:
    click = {"type": "click", "element": "b", "timestamp": MILLISECONDS // 1000}
    for _ in range(2):
        assert track(client, click, click, {**click, "element": "c"})["stored"] == 3
    assert client.rows("SELECT count() FROM posthog.events") == [[3]]


def test_a_browser_may_send_it_as_plain_text_from_another_site(client: Client) -> None:
    body = json.dumps({"apiKey": TOKEN, "userId": 7, "events": [{"type": "route", "route": "/a"}]})
    headers = {"Content-Type": "text/plain;charset=UTF-8", "Origin": "https://app.example"}
    answer = client.http.post(PATH, content=body, headers=headers)
    assert answer.json()["stored"] == 1
    assert answer.headers["access-control-allow-origin"] == "https://app.example"


@pytest.mark.parametrize(
    ("address", "route"),
    [
        ("/u/17?tab=2#top", "/u/:id"),
        ("https://x.example/a/0190a1b2-0000-7000-8000-000000000001/edit", "/a/:id/edit"),
        ("/invoices/inv_9f3kd82a7", "/invoices/:id"),
        ("/people/ann@x.example", "/people/:id"),
        ("/blog/a-year-of-events/", "/blog/a-year-of-events"),
        ("", "/"),
        ("http://[", "/"),
    ],
)
def test_a_route_has_no_ids(address: str, route: str) -> None:
    assert route_of(address) == route


def hostile(chance: random.Random) -> bytes:
    """A body that is nearly right, with something strange in it, or cut, or no body at all."""
    strange: list[Any] = [
        None, True, -1, 0, 1e308, 2**70, "", "\0", "\ud800", "x" * 5000, "%s{}", [], {}, [[]], {"a": {"b": 1}}, 
        "0001-01-01", "9999-12-31T23:59:59Z", "uuid", MILLISECONDS,
    ]  # fmt: skip
    kinds = ["route", "click", "form_submit", "page_time", "error", "custom"]
    fields = ["type", "route", "element", "formId", "duration", "message", "name", "data", "timestamp", "uuid", "odd"]
    events: Any = [
        {
            "type": chance.choice(kinds),
            **{chance.choice(fields): chance.choice(strange) for _ in range(chance.randrange(4))},
        }
        for _ in range(chance.randrange(4))
    ]
    body = {"apiKey": TOKEN, "userId": "fuzz", "events": events}
    for _ in range(chance.randrange(3)):
        body[chance.choice([*body, "userEmail", "subscriptionTier", "signature", "sentAt"])] = chance.choice(strange)
    content = json.dumps(body, ensure_ascii=chance.random() < 0.9).encode(errors="surrogatepass")
    if chance.random() < 0.2:
        place = chance.randrange(len(content) + 1)
        content = (
            content[:place]
            + chance.choice([b"", b"\xff", b"[" * 3000, b"NaN", b"1e999"])
            + content[place:][chance.randrange(3) :]
        )
    return content


def statuses(client: Client, contents: Iterable[bytes]) -> list[int]:
    """What the server answers to each, over one connection; httpx alone would take as long as the server."""
    received = []
    with closing(HTTPConnection(client.http.base_url.host, client.http.base_url.port)) as connection:
        for content in contents:
            connection.request("POST", PATH, content)
            with connection.getresponse() as answer:
                answer.read()
                received.append(answer.status)
    return received


@pytest.mark.parametrize("bodies", [150, pytest.param(10_000, marks=pytest.mark.slow)])
def test_no_body_makes_the_server_fail(running: Client, bodies: int) -> None:
    chance = random.Random(14)
    contents = [hostile(chance) for _ in range(bodies)]
    with ThreadPoolExecutor(16) as threads:  # one disk write serves all that wait
        answers = Counter(chain(*threads.map(partial(statuses, running), (contents[n::16] for n in range(16)))))
    assert answers.total() == bodies
    assert {200, 400, 401} <= set(answers) <= {200, 400, 401, 429}, answers
