"""Finding, computing and making insights against whatever PostHog may answer."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from tests.conftest import problem
from tests.sources.wires import error
from usertrack.core.errors import ConnectionFailed, QueryError, SourceBusy, UsageError, UsertrackError
from usertrack.engine.runner import Runner
from usertrack.insights import catalog as definitions
from usertrack.insights import saved as insights
from usertrack.library.library import Library, shipped_root
from usertrack.sources.posthog import PostHog
from usertrack.workspace.settings import load_settings

T = TypeVar("T")
DAY = {"label": "a", "data": [1.0], "days": ["2020-01-09"], "labels": ["9-Jan-2020"]}
TRENDS = {"kind": "InsightVizNode", "source": {"kind": "TrendsQuery"}}
SIGNUPS = {"id": 7, "short_id": "abCD1234", "name": "Signups", "query": TRENDS, "deleted": False}
COMPUTED = {**SIGNUPS, "result": [DAY], "last_refresh": "2020-01-09T10:00:00Z", "timezone": "UTC", "query_status": None}
GONE = error(404, "No Insight matches the given query.", "not_found")


def ok(body: Any) -> httpx.Response:
    return httpx.Response(200, json=body)


def listed(*results: dict[str, Any]) -> httpx.Response:
    return ok({"count": len(results), "next": None, "previous": None, "results": list(results)})


class Cloud:
    """A PostHog that answers each path with what it was given, one after another; the last one stays."""

    def __init__(self, answers: dict[str, httpx.Response | list[httpx.Response]]) -> None:
        self.answers = {path: [a] if isinstance(a, httpx.Response) else a for path, a in answers.items()}
        self.requests: list[httpx.Request] = []

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.path.removeprefix("/api/projects/1/")
        left = self.answers.get(f"{request.method} {path}") or [error(404, "Not found.", "not_found")]
        answer = left.pop(0) if len(left) > 1 else left[0]
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def do(self, work: Callable[[Runner], T], **options: Any) -> T:
        posthog = PostHog(
            "http://posthog",
            "1",
            "phx_secret",
            lambda m, *, passing=False: None,
            transport=httpx.MockTransport(self._answer),
            retry_pause=0.001,
            **options,
        )
        settings = load_settings(env={}, workspace=Path(__file__).parent)
        library = Library([shipped_root() / "queries"])
        with Runner(settings, library, datetime(2020, 1, 10, tzinfo=UTC), {"posthog": posthog}) as runner:
            return work(runner)

    def fails(self, work: Callable[[Runner], object], **options: Any) -> UsertrackError:
        return problem(lambda: self.do(work, **options))


def run(insight: str, *, refresh: bool = False) -> Callable[[Runner], insights.InsightResult]:
    return lambda runner: insights.answer(runner, insights.find(runner, insight), refresh=refresh)


@pytest.mark.parametrize("insight", ["7", "abCD1234", "signups", " Signups "])
def test_an_id_a_short_id_and_a_name_lead_to_it(insight: str) -> None:
    cloud = Cloud({
        "GET insights/7/": ok(COMPUTED), "GET insights/abCD1234/": ok(COMPUTED),
        "GET insights/": listed(SIGNUPS, {**SIGNUPS, "id": 8, "name": "Other"}),
    })  # fmt: skip
    answered = cloud.do(run(insight))
    assert (answered.insight.id, answered.insight.kind, answered.last_refresh) == (7, "trends", "2020-01-09T10:00:00Z")
    assert answered.table.rows == [("a", date(2020, 1, 9), 1)]
    assert answered.unfinished == date(2020, 1, 9)
    assert cloud.requests[-1].url.params["refresh"] == "blocking"


def test_refresh_forces() -> None:
    cloud = Cloud({"GET insights/7/": ok(COMPUTED)})
    cloud.do(run("7", refresh=True))
    assert cloud.requests[-1].url.params["refresh"] == "force_blocking"


def test_a_name_that_several_have_lists_them() -> None:
    cloud = Cloud({"GET insights/": listed(SIGNUPS, {**SIGNUPS, "id": 9})})
    failed = cloud.fails(run("Signups"))
    assert (type(failed), failed.message) == (UsageError, "2 insights are called 'Signups'")
    assert "7 (trends), 9 (trends)" in failed.hint


@pytest.mark.parametrize(
    ("insight", "message", "hint"),
    [
        ("5", "there is no insight 5: it does not exist, or it was deleted", "insight list"),
        ("zzzz0000", "there is no insight 'zzzz0000'", "insight list"),
        ("Signup", "there is no insight 'Signup'", "did you mean 'Signups'?"),
    ],
)
def test_one_that_does_not_exist(insight: str, message: str, hint: str) -> None:
    failed = Cloud({"GET insights/": listed(SIGNUPS)}).fails(run(insight))
    assert (type(failed), failed.message) == (UsageError, message)
    assert hint in failed.hint


def test_one_that_was_deleted() -> None:
    deleted = Cloud({"GET insights/7/": ok({**COMPUTED, "deleted": True})}).fails(run("7"))
    assert deleted.message == "the insight 7 was deleted"
    meanwhile = Cloud({"GET insights/7/": [ok(SIGNUPS), GONE]}).fails(run("7"))
    assert (type(meanwhile), meanwhile.message) == (UsageError, "the insight 7 was deleted")


def test_no_result_is_an_error_with_a_way_out() -> None:
    cloud = Cloud({"GET insights/7/": ok({**COMPUTED, "result": None})})
    failed = cloud.fails(run("7"))
    assert (type(failed), failed.message) == (QueryError, "PostHog has no result for 'Signups'")
    assert "--refresh" in failed.hint
    assert "--refresh" not in cloud.fails(run("7", refresh=True)).hint


def status(**known: Any) -> dict[str, Any]:
    return {"query_status": {"id": "q1", "complete": False, "error": False, "results": None, **known}}


def test_one_that_is_still_computing_is_waited_for() -> None:
    computing = httpx.Response(202, json={**SIGNUPS, "result": None, **status()})
    done = status(complete=True, results={"results": [DAY], "last_refresh": "2020-01-10T00:00:00Z"})
    polls = [httpx.Response(202, json=status()), ok(done)]
    cloud = Cloud({"GET insights/7/": [ok(SIGNUPS), computing], "GET query/q1/": polls})
    answered = cloud.do(run("7"))
    assert answered.table.rows == [("a", date(2020, 1, 9), 1)]
    assert (answered.last_refresh, answered.unfinished) == ("2020-01-10T00:00:00Z", None)


def test_waiting_ends() -> None:
    computing = httpx.Response(202, json={**SIGNUPS, "result": None, **status()})
    cloud = Cloud({"GET insights/7/": [ok(SIGNUPS), computing], "GET query/q1/": httpx.Response(202, json=status())})
    failed = cloud.fails(run("7"), timeout=0.2)
    assert isinstance(failed, SourceBusy)
    assert failed.message == "Signups: PostHog took longer than 0.2 s"


def test_a_gateway_that_gives_up_is_asked_in_the_background() -> None:
    computing = httpx.Response(202, json={**SIGNUPS, "result": None, **status()})
    done = ok(status(complete=True, results={"results": [DAY]}))
    gateway = httpx.Response(504, html="<html>")
    cloud = Cloud({"GET insights/7/": [ok(SIGNUPS), gateway, computing], "GET query/q1/": done})
    assert len(cloud.do(run("7")).table.rows) == 1
    assert cloud.requests[2].url.params["refresh"] == "force_async"


@pytest.mark.parametrize(
    ("reason", "kind", "message"),
    [
        ("Unable to resolve field: emial", QueryError, "Signups: PostHog failed the query: Unable to resolve"),
        (None, QueryError, "Signups: PostHog failed the query: no reason given"),
        ("concurrency_limit_exceeded", SourceBusy, "Signups: PostHog computes too much at once"),
    ],
)
def test_errors_with_http_200(reason: str | None, kind: type, message: str) -> None:
    failed_status = status(complete=True, error=True, error_message=reason)
    cloud = Cloud({"GET insights/7/": [ok(SIGNUPS), ok({**SIGNUPS, "result": None, **failed_status})]})
    failed = cloud.fails(run("7"))
    assert type(failed) is kind
    assert failed.message.startswith(message)


@pytest.mark.parametrize("scope", ["insight:read", "insight:write"])
def test_a_missing_scope_is_named(scope: str) -> None:
    denied = error(403, f"API key missing required scope '{scope}'", "permission_denied")
    cloud = Cloud({"GET insights/7/": denied, "POST insights/": denied})

    def make(runner: Runner) -> insights.SavedInsight:
        return insights.create(runner, "x", runner.bind("posthog/pages"))

    failed = cloud.fails(run("7") if scope == "insight:read" else make)
    assert isinstance(failed, ConnectionFailed)
    assert failed.message.endswith(f"the PostHog key lacks the scope {scope}")


def test_a_wrong_project_is_no_missing_insight() -> None:
    nowhere = error(404, "Project not found.", "not_found")
    failed = Cloud({"GET insights/7/": nowhere, "GET insights/": nowhere}).fails(run("7"))
    assert isinstance(failed, ConnectionFailed)
    assert "Project not found" in failed.message


def test_lists_are_read_to_their_end() -> None:
    first = ok({"count": 3, "next": "http://posthog/elsewhere", "results": [SIGNUPS, {**SIGNUPS, "id": 8}]})
    cloud = Cloud({"GET insights/": [first, ok({"count": 3, "next": None, "results": [{**SIGNUPS, "id": 9}]})]})
    assert [insight.id for insight in cloud.do(lambda runner: insights.list_insights(runner, "a&b=c"))] == [7, 8, 9]
    assert [(r.url.params["search"], r.url.params["offset"]) for r in cloud.requests] == [
        ("a&b=c", "0"),
        ("a&b=c", "2"),
    ]


@pytest.mark.parametrize("body", [{"results": None}, {"results": ["x"]}, {"detail": "?"}, {"results": [{"id": "x"}]}])
def test_what_is_no_list_of_insights(body: dict[str, Any]) -> None:
    assert isinstance(Cloud({"GET insights/": ok(body)}).fails(insights.list_insights), QueryError)


def test_a_query_of_the_library_is_saved_for_the_present() -> None:
    import json

    cloud = Cloud({"POST insights/": httpx.Response(201, json=SIGNUPS)})
    saved = cloud.do(lambda r: insights.create(r, "Pages", r.bind("posthog/pages", {"days": 7}), "where people look"))
    assert saved.id == 7
    sent = json.loads(cloud.requests[0].content)
    source = sent["query"]["source"]
    assert (sent["name"], sent["description"], source["kind"]) == ("Pages", "where people look", "HogQLQuery")
    assert "{as_of}" not in source["query"]
    assert "toDateTime(now())" in source["query"]
    assert source["query"].endswith("LIMIT 50000")
    own = {"internal": ["datagen.dev"], "own_people": []}
    assert source["values"] == {"days": 7, "since": "1970-01-01T00:00:00Z", **own}


def test_a_query_of_postgres_is_no_insight() -> None:
    failed = Cloud({}).fails(lambda r: insights.create(r, "x", r.bind("neon/accounts")))
    assert failed.message == "neon/accounts does not run in PostHog"


def test_search_goes_on_without_what_the_key_may_not_see() -> None:
    flag = {"id": 1, "key": "new-signup", "name": "Beta"}
    event = {"id": "x", "name": "user_signed_up"}
    cloud = Cloud({
        "GET insights/": listed(SIGNUPS, {**SIGNUPS, "name": "Other"}),
        "GET dashboards/": error(403, "API key missing required scope 'dashboard:read'"),
        "GET cohorts/": listed(), "GET actions/": listed(), "GET feature_flags/": listed(flag),
        "GET event_definitions/": listed({**event, "name": "user_sign"}),
    })  # fmt: skip
    matches = cloud.do(lambda runner: definitions.search(runner, "SIGN"))
    assert [row[:3] for row in matches.rows] == [
        ("insight", "7", "Signups"), ("feature flag", "1", "new-signup"), ("event", "x", "user_sign"),
    ]  # fmt: skip
    assert matches.notes == (
        "not searched: dashboards; the PostHog key lacks the scope dashboard:read",
        "not searched: property definitions; this PostHog has none of them",
    )


def test_errors_that_are_no_list() -> None:
    for answer in ({"results": None}, {"results": ["x"]}, {"columns": []}):
        assert isinstance(Cloud({"POST query/": ok(answer)}).fails(definitions.errors), QueryError)


def test_times_of_errors_are_utc_whatever_their_offset() -> None:
    issue = {"name": "TypeError", "first_seen": "2020-01-09T01:30:00+02:00", "last_seen": "2020-01-09T10:00:00"}
    [row] = Cloud({"POST query/": ok({"results": [issue]})}).do(definitions.errors).dicts()
    assert (row["first_seen"], row["last_seen"]) == (datetime(2020, 1, 8, 23, 30), datetime(2020, 1, 9, 10))
