"""Saved insights, definitions and lists over HTTP, with PostHog's shapes."""

import time
from typing import Any

import pytest
from query_fixtures import KEY, SETTINGS, Api

from usertrack.server.app import create_app

PATH = "/api/projects/1/insights/"
SQL: dict[str, Any] = {
    "kind": "DataVisualizationNode",
    "source": {"kind": "HogQLQuery", "query": "SELECT event, count() AS n FROM events GROUP BY event ORDER BY event"},
}
TRENDS = {"kind": "InsightVizNode", "source": {"kind": "TrendsQuery", "series": [{"kind": "EventsNode"}]}}


def send(api: Api, method: str, path: str, body: Any = None, key: str = KEY) -> Any:
    return api.request(method, path, json=body, headers={"Authorization": f"Bearer {key}"})


def create(api: Api, name: str = "mine", query: Any = SQL, **fields: Any) -> dict[str, Any]:
    response = send(api, "POST", PATH, {"name": name, "query": query, **fields})
    assert response.status_code == 201, response.text
    insight: dict[str, Any] = response.json()
    return insight


def test_create_then_fetch(api: Api) -> None:
    insight = create(api, description="counts", tags=["a"])
    assert (insight["name"], insight["description"], insight["tags"], insight["saved"]) == (
        "mine",
        "counts",
        ["a"],
        True,
    )
    assert insight["query"] == SQL
    assert (insight["result"], insight["last_refresh"], len(insight["short_id"])) == (None, None, 8)
    unasked = send(api, "GET", f"{PATH}{insight['id']}/").json()
    assert unasked["result"] is None
    computed = send(api, "GET", f"{PATH}{insight['short_id']}/?refresh=blocking").json()
    assert (computed["result"], computed["columns"]) == ([["$pageview", 4], ["buy", 3]], ["event", "n"])
    assert computed["types"] == [["event", "String"], ["n", "UInt64"]]
    assert computed["is_cached"] is False
    cached = send(api, "GET", f"{PATH}{insight['id']}/").json()
    assert (cached["result"], cached["is_cached"]) == (computed["result"], True)
    assert cached["last_refresh"] == computed["last_refresh"]


def test_a_recent_result_is_kept_until_it_is_forced(api: Api) -> None:
    path = f"{PATH}{create(api)['id']}/"
    first = send(api, "GET", f"{path}?refresh=blocking").json()
    assert send(api, "GET", f"{path}?refresh=blocking").json()["last_refresh"] == first["last_refresh"]
    assert send(api, "GET", f"{path}?refresh=force_blocking").json()["last_refresh"] > first["last_refresh"]


def test_another_query_has_no_result_yet(api: Api) -> None:
    path = f"{PATH}{create(api)['id']}/"
    send(api, "GET", f"{path}?refresh=blocking")
    assert send(api, "PATCH", path, {"name": "renamed"}).json()["result"] is not None
    other = send(api, "PATCH", path, {"query": TRENDS}).json()
    assert (other["name"], other["result"], other["last_refresh"]) == ("renamed", None, None)


def test_deleted_ones_are_gone_and_can_return(api: Api) -> None:
    insight = create(api, "short-lived")
    path = f"{PATH}{insight['id']}/"
    refused = send(api, "DELETE", path)
    assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")
    assert send(api, "PATCH", path, {"deleted": True}).json()["deleted"] is True
    gone = send(api, "GET", path)
    assert (gone.status_code, gone.json()["code"], gone.json()["type"]) == (404, "not_found", "invalid_request")
    assert send(api, "PATCH", path, {"name": "x"}).status_code == 404
    assert send(api, "GET", f"{PATH}?search=short-lived").json()["count"] == 0
    assert send(api, "PATCH", path, {"deleted": False}).status_code == 200
    assert send(api, "GET", path).status_code == 200


def test_lists_are_searched_and_paged(api: Api) -> None:
    names = [f"paged {number}" for number in range(5)]
    ids = {create(api, name, query=TRENDS, favorited=name == "paged 3")["id"] for name in names}
    page = send(api, "GET", f"{PATH}?search=PAGED&limit=2").json()
    assert (page["count"], page["previous"], [insight["name"] for insight in page["results"]]) == (5, None, names[:2])
    rest = send(api, "GET", page["next"].replace("http://local", "") + "&basic=true").json()
    assert [insight["name"] for insight in rest["results"]] == names[2:4]
    assert "result" not in rest["results"][0]
    assert ids == {
        insight["id"] for insight in send(api, "GET", f"{PATH}?insight=TRENDS&search=paged").json()["results"]
    }
    assert send(api, "GET", f"{PATH}?insight=SQL&search=paged").json()["count"] == 0
    assert [insight["name"] for insight in send(api, "GET", f"{PATH}?favorited=true").json()["results"]] == ["paged 3"]
    short = page["results"][1]["short_id"]
    assert [insight["id"] for insight in send(api, "GET", f"{PATH}?short_id={short}").json()["results"]] == [
        page["results"][1]["id"]
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "x"}, "required"),
        ({"query": {"kind": "PathsQuery"}}, "invalid_input"),
        ({"query": {"kind": "DataVisualizationNode"}}, "required"),
        ({"query": SQL, "name": 3}, "invalid_input"),
        ({"query": SQL, "name": "x" * 401}, "max_length"),
        ({"query": SQL, "tags": "x"}, "not_a_list"),
        ([], "invalid_input"),
    ],
)
def test_what_no_insight_can_be(api: Api, body: Any, code: str) -> None:
    refused = send(api, "POST", PATH, body)
    assert (refused.status_code, refused.json()["code"]) == (400, code)


def test_the_querys_own_fault_is_400(api: Api) -> None:
    wrong = {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": "SELECT nothing FROM events"}}
    refused = send(api, "GET", f"{PATH}{create(api, query=wrong)['id']}/?refresh=blocking")
    assert (refused.status_code, refused.json()["code"]) == (400, "hogql_query_error")


def test_in_the_background(api: Api) -> None:
    path = f"{PATH}{create(api)['id']}/"
    begun = send(api, "GET", f"{path}?refresh=force_async")
    status = begun.json()["query_status"]
    assert begun.json()["result"] is None
    for _ in range(200):
        polled = send(api, "GET", f"/api/projects/1/query/{status['id']}/")
        if polled.status_code == 200:
            break
        time.sleep(0.05)
    assert polled.json()["query_status"]["results"]["results"] == [["$pageview", 4], ["buy", 3]]
    assert send(api, "GET", path).json()["result"] == [["$pageview", 4], ["buy", 3]]


def test_keys_and_projects(api: Api) -> None:
    for path in (PATH, f"{PATH}1/", "/api/projects/1/event_definitions/", "/api/projects/1/property_definitions/"):
        assert send(api, "GET", path, key="phx_wrong").status_code == 401
        assert send(api, "GET", path.replace("projects/1", "projects/2")).status_code == 404
    assert send(api, "POST", PATH, {"query": SQL}, key="phx_wrong").status_code == 401


def test_insights_survive_a_restart(api: Api) -> None:
    insight = create(api, "still here")
    again = Api(create_app(api.store, SETTINGS), api.store)
    assert send(again, "GET", f"{PATH}{insight['id']}/").json()["name"] == "still here"


def test_event_definitions(api: Api) -> None:
    definitions = send(api, "GET", "/api/projects/1/event_definitions/").json()
    assert [definition["name"] for definition in definitions["results"]] == ["$pageview", "buy"]
    assert definitions["results"][1]["last_seen_at"].startswith("2026-01-11T12:00:00")
    custom = send(api, "GET", "/api/projects/1/event_definitions/?event_type=event_custom&search=B").json()
    assert [definition["name"] for definition in custom["results"]] == ["buy"]
    assert send(api, "GET", "/api/projects/1/event_definitions/?event_type=x").status_code == 400


def test_property_definitions(api: Api) -> None:
    path = "/api/projects/1/property_definitions/"
    types = {definition["name"]: definition["property_type"] for definition in send(api, "GET", path).json()["results"]}
    assert (types["price"], types["paid"], types["at"], types["$pathname"], types["items"]) == (
        "Numeric", "Boolean", "DateTime", "String", None,
    )  # fmt: skip
    person = send(api, "GET", f"{path}?type=person&search=AGE").json()["results"]
    assert [(definition["name"], definition["is_numerical"]) for definition in person] == [("age", True)]
    only = send(api, "GET", path + '?event_names=["buy"]&filter_by_event_names=true').json()["results"]
    names = {definition["name"] for definition in only}
    assert {"price", "deep", "dot.ted"} <= names
    assert "$pathname" not in names
    assert send(api, "GET", f"{path}?type=cat").status_code == 400
    assert send(api, "GET", f"{path}?event_names=buy").status_code == 400
    assert send(api, "GET", path + '?event_names=["\\ud800"]').status_code == 400


def test_what_this_server_never_has_is_an_empty_list(api: Api) -> None:
    for name in ("dashboards", "feature_flags", "actions"):
        assert send(api, "GET", f"/api/projects/1/{name}/?search=x").json()["results"] == []
