"""What is acknowledged is what a query returns; what is not is kept aside, and other events do not suffer for it."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import posthog
import pytest
from capture_fixtures import SETTINGS, TOKEN, AppThread, Client, client, running, shared_store, store  # noqa: F401
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.conftest import Cli
from usertrack.server.database.set_aside import REFUSED, SetAside

KEY = {"Authorization": f"Bearer {SETTINGS.personal_api_key}"}
SEEN, UNPLANNED = (
    {"event": name, "distinct_id": "ann", "uuid": f"0190a0b0-0000-7000-8000-{number:012}"}
    for number, name in enumerate(["seen", "unplanned"])
)
HUGE = "9" * 310
NUMBERS = st.sampled_from(
    [HUGE, f"-{HUGE}", "9" * 5_000, "1e400", "-1e400", "NaN", "Infinity", "-Infinity", "1e-400", "-0", "-0.0", "0.1"]
    + [str(sign * 2**bits + more) for sign in (1, -1) for bits in (53, 63, 64) for more in (-1, 0, 1)]
    + ["1.7976931348623157e308", "1.8e308", "1E5", "4.9e-324"]
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=5).map(json.dumps) | st.sampled_from(
    [r'"\ud800"', r'"a\udc00b"', r'"\ud83d\ude00"', r'"\u0000"', '""', '"."', '"a.b"']
)
VALUES = st.recursive(
    NUMBERS | TEXTS | st.sampled_from(["null", "true", "false"]),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: f"[{','.join(items)}]")
        | st.lists(st.tuples(TEXTS, inner), max_size=4).map(  # with keys that are there twice
            lambda pairs: f"{{{','.join(f'{key}:{value}' for key, value in pairs)}}}"
        )
        | inner.map(lambda item: "[" * 120 + item + "]" * 120)
    ),
    max_leaves=8,
)


def stored(client: Client, *events: str) -> tuple[int, list[Any]]:
    """The status of the answer to a batch, and the property ``v`` of its events as a query returns it."""
    client.store.query("TRUNCATE TABLE posthog.events")
    body = f'{{"api_key": "{TOKEN}", "batch": [{", ".join(events)}]}}'
    status = client.http.post("/batch/", content=body.encode()).status_code
    return status, [row.get("v") for (row,) in client.rows("SELECT properties FROM posthog.events")]


def event(value: str) -> str:
    return f'{{"event": "e", "distinct_id": "d", "properties": {{"v": {value}}}}}'


def same(sent: Any, kept: Any) -> bool:
    """Whether a query returns what was sent: numbers beyond 64 bits as doubles, lone surrogates replaced.

    ClickHouse keeps no nulls and no empty objects below a property, and the numbers of one list as one type.
    """
    match sent:
        case bool() | None:
            return sent is kept
        case int() | float():
            return not isinstance(kept, bool) and isinstance(kept, int | float) and float(sent) == float(kept)
        case str():
            return bool(sent.encode("utf-16", "surrogatepass").decode("utf-16", "replace") == kept)
        case list():
            return isinstance(kept, list) and len(sent) == len(kept) and all(map(same, sent, kept))
    return True


def _as_orjson(text: str) -> float:
    return int(text) if len(text) < 20 else float(text)


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(value=HUGE)
@example(value=f'[{HUGE}, "\\ud800"]')
@example(value=f'{{"{"k" * 65_536}": 1}}')
@given(value=VALUES)
def test_whatever_is_acknowledged_is_what_a_query_returns(running: Client, value: str) -> None:
    status, (*kept, good) = stored(running, event(value), event('"good"'))
    assert (status, good) in [(200, "good"), (400, "good")]
    if status == 400:
        assert kept == []
    else:
        assert same(json.loads(value, parse_int=_as_orjson), kept[0])
    assert running.http.get("/health").json() == {"status": "ok"}


@pytest.mark.parametrize("bad", [HUGE, "NaN", "1e400", "[" * 200 + "]" * 200])
def test_a_bad_value_costs_its_own_event_alone(client: Client, bad: str) -> None:
    answer = client.http.post(
        "/batch/", content=f'{{"api_key": "{TOKEN}", "batch": [{event("1")}, {event(bad)}, {event("3")}]}}'
    )
    assert (answer.status_code, answer.text[:33]) == (400, "1 of 3 events refused: batch[1]: ")
    assert client.rows("SELECT properties.v::Int8 AS v FROM posthog.events ORDER BY v") == [[1], [3]]
    [kept] = SetAside(client.store.path).events()
    assert "number out of range" in kept.reason or "recursion limit" in kept.reason
    (client.store.path / REFUSED).unlink()


@pytest.mark.parametrize("wire", ["v0", "v1"])
def test_a_batch_of_201_events_with_a_bad_one(client: Client, wire: Any) -> None:
    failed: list[Any] = []
    sdk = posthog.Posthog(
        TOKEN,
        host=str(client.http.base_url),
        flush_at=201,
        capture_mode=wire,
        on_error=lambda error, _: failed.append(error),
    )
    for number in range(201):
        sdk.capture("click", distinct_id="ann", properties={"i": 10**310 if number == 100 else number})
    sdk.shutdown()
    assert client.rows("SELECT count() FROM posthog.events") == [[200]]
    said = str(failed[0].drops) if wire == "v1" else str(failed[0])
    assert "batch[100]: " in said or "malformed_event_properties" in said
    [kept] = SetAside(client.store.path).events()
    assert kept.raw["event"] == "click"
    (client.store.path / REFUSED).unlink()


def test_refused_events_are_listed_and_stored_again(client: Client, cli: Cli) -> None:
    """Replayed, they meet every check again: that of numbers, of names, and of an enforced plan."""
    store, plan = client.store, client.store.path / "tracking.yaml"
    plan.write_text("events: {seen: {description: Somebody saw it.}}")
    stored(client, event("1e400"), event("{}").replace('"e"', '""'))
    SetAside(store.path).add(
        datetime.now(UTC), [("as before", json.dumps(each).encode()) for each in (SEEN, UNPLANNED)]
    )
    listed = cli("serve", "--refused", "--data", store.path)
    assert [line[25:].partition("  ")[0] for line in listed.out.splitlines()] == [
        "failed to parse request: number out of range",
        "event submitted with an empty event name",
        "as before",
        "as before",
    ]
    with AppThread(store, replace(SETTINGS, plan=plan, enforce=True)) as server:
        store.announce(server.url, SETTINGS.personal_api_key)
        replayed = [cli("serve", "--refused", "--replay", "--data", store.path).out for _ in range(2)]
        store.announce("", "")
    assert replayed == ["1 event stored, 3 refused again\n", "0 events stored, 3 refused again\n"]
    assert client.rows("SELECT event FROM posthog.events") == [["seen"]]
    (store.path / REFUSED).unlink()


def test_lines_that_were_cut_or_have_a_carriage_return(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replay removes exactly what it stored, and an event without room is counted as such."""
    aside, file = SetAside(tmp_path), tmp_path / REFUSED
    file.write_bytes(b'of an earlier\rversion\n["2026-01-01T00:00:00+00:00","w", "cu')
    assert aside.add(datetime.now(UTC), [("why", b'"mine"')]) == 1
    assert [kept.raw for kept in aside.events()][::2] == ["of an earlier\rversion", "mine"]
    assert aside.replay(lambda kept: "" if kept.raw == "mine" else "no") == (1, 2)
    assert len([*aside.events()]) == 2
    monkeypatch.setattr("usertrack.server.database.set_aside.MOST_BYTES", 9)
    assert aside.add(datetime.now(UTC), [("why", b'"more"')]) == 0
