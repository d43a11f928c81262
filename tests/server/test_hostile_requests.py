"""Whatever a request holds, it is answered or refused: none makes the server fail."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from fuzzer import fuzz
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from query_fixtures import ANN, KEY, TOKEN, Api

PROJECT = "/api/projects/1"
HEADERS = {"Authorization": f"Bearer {KEY}"}
TEXTS = st.sampled_from(
    ["}", "{", "{x}", "{0}", "%s", "\0", "\ud800", "'", "\\", "`", "é", "-1", "", "9" * 30, "1e999"]
)
NUMBERS = st.sampled_from([0, -1, 2**63, 2**64, 10**30, 1.5, 1e308, True, None])
VALUES = st.recursive(
    TEXTS | NUMBERS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=5
)


def status(api: Api, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> int:
    return api.request(method, path, content=body, headers=HEADERS | (headers or {})).status_code


def query(api: Api, **node: Any) -> int:
    body = json.dumps({"query": {"kind": "HogQLQuery", "query": "SELECT 1", **node}}, ensure_ascii=False)
    return status(api, "POST", f"{PROJECT}/query/", body.encode(errors="surrogatepass"))


def test_a_bracket_that_nothing_opened(api: Api) -> None:
    assert api.refusal("SELECT 1 }") == ("hogql_syntax_error", "Unmatched curly bracket")
    long = "SELECT " + "1, " * 2000 + "1 }"  # which a process of its own reads
    assert api.refusal(long) == ("hogql_syntax_error", "Unmatched curly bracket")


@pytest.mark.parametrize(("search", "names"), [("{x}", []), ("}", []), ("ann", ["ann@x.io"])])
def test_persons_are_searched_for_any_text(api: Api, search: str, names: list[str]) -> None:
    response = api.get(f"{PROJECT}/persons/?search={quote(search)}")
    assert [person["name"] for person in response.json()["results"]] == names


@pytest.mark.parametrize("name", ["price", "paid", "at"])
def test_a_nul_in_a_value_is_a_fault_of_the_query(api: Api, name: str) -> None:
    """ClickHouse quotes the value in its message, which ends there."""
    assert query(api, query=f"SELECT properties.{name} > {{x}} FROM events", values={"x": "a\0b"}) == 400


def test_half_of_a_surrogate_pair_is_no_text(api: Api) -> None:
    body = b'{"name": "\xed\xa0\x80", "is_static": true, "_create_static_person_ids": []}'
    assert status(api, "POST", f"{PROJECT}/cohorts/", body) == 400
    assert status(api, "POST", f"{PROJECT}/insights/", body) == 400
    assert query(api, query="SELECT '\ud800'") == 400


def test_a_csv_with_a_cell_that_is_too_long(api: Api) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="csv"\r\n\r\n' + b"a" * 200_000 + b"\r\n--x--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert status(api, "POST", f"{PROJECT}/cohorts/", body, headers) == 400


def test_wrong_kinds_of_values(api: Api) -> None:
    body = json.dumps({"key": "k", "internal": 5, "dry_run": True}).encode()
    assert status(api, "POST", f"{PROJECT}/usertrack/pseudonymize/", body) == 400
    assert query(api, kind="ErrorTrackingQuery", status="resolved", limit="many") == 400


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS, value=VALUES)
def test_nothing_is_answered_with_500(api: Api, text: str, value: Any) -> None:
    escaped = quote(text.encode(errors="surrogatepass"))
    body = json.dumps({"name": value, "tags": value, "person_ids": value, "ids": value, "query": value}).encode()
    event = {"event": text, "distinct_id": value, "properties": {"a": value}, "timestamp": text, "api_key": TOKEN}
    answers = [
        query(api, query=f"SELECT {text}"),
        query(api, query="SELECT {x}", values={"x": value, text: 1}, filters=value),
        query(api, kind="TrendsQuery", series=[{"kind": "EventsNode", "event": text, "math": value}], interval=value),
        query(api, kind="FunnelsQuery", series=[{"event": "buy"}, {"event": text}], funnelsFilter=value),
        *(status(api, "GET", f"{PROJECT}/{kind}/?search={escaped}&limit={escaped}") for kind in ("persons", "cohorts")),
        status(api, "GET", f"{PROJECT}/property_definitions/?event_names={escaped}"),
        status(api, "GET", f"{PROJECT}/persons/{escaped or ANN}/"),
        status(api, "POST", f"{PROJECT}/insights/", body),
        status(api, "PATCH", f"{PROJECT}/cohorts/1/", body),
        status(api, "POST", f"{PROJECT}/persons/bulk_delete/", body),
        status(api, "POST", "/batch/", json.dumps(event).encode()),
    ]
    assert max(answers) < 500


@pytest.mark.slow
def test_no_fuzzed_request_is_answered_with_500(api: Api) -> None:
    """A part of what `python tests/server/fuzzer.py 20000 SEED` sends."""
    statuses, failed = fuzz(api.store, 1_000, 5)
    assert failed == []
    assert statuses[200] > 200
