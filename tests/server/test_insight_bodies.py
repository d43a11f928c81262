"""Whatever a query node holds, it is answered or refused: the server never fails over it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from query_fixtures import KEY, SETTINGS, Api, fill

from usertrack.server.app import create_app
from usertrack.server.database.store import Store

STEP = {"kind": "EventsNode", "event": "$pageview", "properties": [], "math": "total", "math_property": "price"}
FILTER = {"key": "price", "value": 1, "operator": "exact", "type": "event", "negation": False}
SHARED: dict[str, Any] = {
    "dateRange": {"date_from": "2026-01-04", "date_to": "2026-01-12", "explicitDate": False},
    "properties": {"type": "AND", "values": [{"type": "OR", "values": [FILTER]}]},
    "filterTestAccounts": False,
    "modifiers": {},
}
SERIES = {"series": [STEP, {**STEP, "event": "buy"}], "interval": "day"}
BREAKDOWN = {"breakdown": None, "breakdown_type": "event", "breakdowns": [{"property": "price", "type": "event"}]}
NODES: list[dict[str, Any]] = [
    {"kind": "TrendsQuery", **SHARED, **SERIES, "breakdownFilter": BREAKDOWN, "trendsFilter": {"display": None}},
    {
        "kind": "FunnelsQuery",
        **SHARED,
        "series": [{"event": "$pageview", "properties": [FILTER]}, {"event": "buy"}],
        "breakdownFilter": {**BREAKDOWN, "breakdown_limit": 3},
        "funnelsFilter": {"funnelOrderType": "ordered", "funnelWindowInterval": 14, "funnelWindowIntervalUnit": "day"},
    },
    {
        "kind": "RetentionQuery",
        **SHARED,
        "retentionFilter": {
            "period": "Day",
            "totalIntervals": 7,
            "retentionType": "retention_recurring",
            "targetEntity": {"id": "$pageview", "type": "events"},
            "minimumOccurrences": 1,
        },
    },
    {"kind": "LifecycleQuery", **SHARED, **SERIES, "series": [STEP], "lifecycleFilter": {}},
    {"kind": "StickinessQuery", **SHARED, **SERIES, "stickinessFilter": {}},
    {"kind": "ErrorTrackingQuery", **SHARED, "orderBy": "users", "searchQuery": "x", "limit": 3},
    {"kind": "HogQLQuery", "query": "SELECT {x}, {variables.y} FROM events WHERE {filters}", "values": {"x": 1},
     "filters": {"dateRange": SHARED["dateRange"], "properties": [FILTER]}, "modifiers": {},
     "variables": {"1": {"code_name": "y", "value": 2}}},
]  # fmt: skip
ODD = st.one_of(
    st.sampled_from(
        ["-99999999d", "-99999h", "-9999m", "9999-12-31", "0001-01-01", "9999-12-31T23:59:59+00:00", "-1mStart", "all"]
    ),
    st.sampled_from(["hour", "week", "month", "strict", "unordered", "hogql", "regex", "is_set", "dau", "person"]),
    st.sampled_from(
        [0, -1, 1, 2**40, 2**70, 1e300, "\ud800", 1e999, [1], [[]], [None], {"a": 1}, {"values": 5}, "\0", "("]
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
        max_leaves=4,
    ),
)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    store = Store(tmp_path_factory.mktemp("bodies"))
    fill(store)
    yield Api(create_app(store, SETTINGS), store)
    store.close()


def places(value: Any) -> list[tuple[Any, ...]]:
    """The paths to everything in ``value``, the whole left out."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, item in inner for path in [(key,), *((key, *below) for below in places(item))]]


def changed(value: Any, path: tuple[Any, ...], to: Any) -> Any:
    if not path:
        return to
    if isinstance(value, dict):
        return {**value, path[0]: changed(value[path[0]], path[1:], to)}
    return [changed(item, path[1:], to) if at == path[0] else item for at, item in enumerate(value)]


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    """A query of some kind with one or two of its values replaced by odd ones."""
    node = draw(st.sampled_from(NODES))
    for _ in range(draw(st.integers(1, 2))):
        node = changed(node, draw(st.sampled_from(places(node))), draw(ODD))
    return node


@pytest.mark.slow
@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(bodies())
def test_no_body_is_too_odd(api: Api, body: dict[str, Any]) -> None:
    text = json.dumps({"query": body})
    answer = api.request("POST", "/api/projects/1/query/", content=text, headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 400:
        assert answer.json()["detail"]
