"""The live check of the tracking plan: what events break is counted at ingest, without values; or it is refused."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import posthog
import pytest
from capture_fixtures import SETTINGS, TOKEN, AppThread, Client, shared_store, store, wait_until  # noqa: F401

import usertrack_track as track
from tests.plan.codegen.plans import FILE, REPORTS
from usertrack.plan.codegen import Language
from usertrack.plan.codegen.generate import generate
from usertrack.plan.conform import Violation
from usertrack.server.database.store import Store
from usertrack.server.database.violation_log import REST, Breach, Broken, ViolationLog
from usertrack.server.user_texts import count_changes, rewrite

PLAN = """
properties:
  format: {type: string, values: [csv, pdf]}
  rows: integer
events:
  report_exported: {required: [format], properties: [rows]}
  report_opened: {properties: [format], replaces: [report_viewed]}
"""
KEY = {"Authorization": "Bearer phx_test"}
RIGHT = {"format": "csv", "rows": 3}
BROKEN = (Violation("unplanned-event", "name"),)
NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def plan(tmp_path: Path, store: Store) -> Path:
    for file in store.path.glob("live_check.sqlite*"):
        file.unlink()
    path = tmp_path / "tracking.yaml"
    path.write_text(PLAN)
    return path


@contextmanager
def serving(store: Store, plan: Path | None, *, enforce: bool = False) -> Iterator[Client]:
    with AppThread(store, replace(SETTINGS, plan=plan, enforce=enforce)) as server:
        yield Client(server.url, store)
    server.app.state.violations.close()


@pytest.fixture
def client(store: Store, plan: Path) -> Iterator[Client]:
    with serving(store, plan) as client:
        yield client


def event(name: str, **properties: Any) -> dict[str, object]:
    return {"event": name, "distinct_id": "ann", "properties": properties}


def counted(client: Client, method: str = "GET") -> dict[str, Any]:
    answer: dict[str, Any] = client.http.request(method, "/api/projects/1/usertrack/live-check/", headers=KEY).json()
    return answer


def violations(client: Client) -> dict[tuple[str, ...], int]:
    """(rule, event, property) → count."""
    rows = counted(client)["violations"]
    return {tuple(filter(None, (row["rule"], row["event"], row["property"]))): row["count"] for row in rows}


def test_what_events_break_is_counted_and_all_are_stored(client: Client) -> None:
    client.send(event("report_exported", **RIGHT), event("report_exported", format="xls", rows="3"))
    client.send(event("report_exported", rows=1, color="red"), event("report_exportd"), event("report_viewed"))
    assert violations(client) == {
        ("unlisted-value", "report_exported", "format"): 1,
        ("wrong-type", "report_exported", "rows"): 1,
        ("absent-property", "report_exported", "format"): 1,
        ("unplanned-property", "report_exported", "color"): 1,
        ("unplanned-event", "report_exportd"): 1,
        ("retired-event", "report_viewed"): 1,
    }
    assert counted(client)["checked"] == 5
    assert client.rows("SELECT count() FROM posthog.events") == [[5]]


def test_an_event_that_is_sent_twice_counts_once(client: Client) -> None:
    sent_again = event("report_exportd") | {"uuid": "0199aaaa-0000-7000-8000-000000000001"}
    client.send(sent_again)
    client.send(sent_again)
    assert violations(client) == {("unplanned-event", "report_exportd"): 1}


def test_samples_have_keys_and_types_and_no_values(client: Client) -> None:
    client.send(event("report_exported", format="secret", rows=None, tags=["secret"], **{"$lib": "web"}))
    [sample] = counted(client)["samples"]
    assert sample["types"] == {"format": "string", "rows": "null", "tags": "list", "$lib": "string"}
    assert {"rule": "unlisted-value", "property": "format", "of": "event"} in sample["violations"]
    assert (sample["event"], sample["library"]) == ("report_exported", "web")
    assert b"secret" not in (client.store.path / "live_check.sqlite").read_bytes()
    assert b"secret" not in (client.store.path / "live_check.sqlite-wal").read_bytes()


def test_few_samples_of_a_kind_leave_room_for_others(client: Client) -> None:
    client.send(*(event("flood") for _ in range(300)), *(event(f"other {number}") for number in range(250)))
    samples = counted(client)["samples"]
    assert len(samples) == 200
    assert violations(client)["unplanned-event", "flood"] == 300


@pytest.mark.parametrize("mode", ["v0", "v1"])
def test_the_sdk_and_its_version(client: Client, mode: Any) -> None:
    sdk = posthog.Posthog(TOKEN, host=str(client.http.base_url), capture_mode=mode)
    sdk.capture("report_exportd", distinct_id="ann")
    sdk.capture("report_exported", distinct_id="ann", properties=RIGHT)
    sdk.shutdown()
    [row] = counted(client)["violations"]
    assert (row["library"], row["version"]) == ("posthog-python", posthog.VERSION)
    assert (row["rule"], row["severity"]) == ("unplanned-event", "warning")


def test_the_counts_survive_a_restart_and_a_reset_ends_them(store: Store, plan: Path) -> None:
    for _ in range(2):
        with serving(store, plan) as client:
            client.send(event("report_exportd"))
            assert counted(client)["checked"]
    with serving(store, None) as client:
        client.send(event("report_exportd"))
        assert violations(client) == {("unplanned-event", "report_exportd"): 2}
        assert counted(client, "DELETE")["checked"] == 2
        assert counted(client) == {
            "plan": None,
            "enforce": False,
            "problem": None,
            "checked": 0,
            "since": None,
            "violations": [],
            "samples": [],
        }


def test_reading_needs_the_key_and_its_scope(client: Client) -> None:
    path = "/api/projects/1/usertrack/live-check/"
    assert client.http.get(path).status_code == 401
    assert client.http.delete(path, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 401
    with AppThread(client.store, replace(SETTINGS, scopes=("event_definition:read",))) as server:
        limited = httpx.Client(base_url=server.url, headers=KEY)
        assert (limited.get(path).status_code, limited.delete(path).status_code) == (200, 403)


def test_an_enforced_plan_refuses_those_events_alone(store: Store, plan: Path) -> None:
    with serving(store, plan, enforce=True) as client:
        uuid = "0199aaaa-0000-7000-8000-000000000001"
        wrong = event("report_exported", format="secret") | {"uuid": uuid}
        answer = client.batch(event("report_exported", **RIGHT), wrong)
        assert answer.status_code == 400
        assert answer.text == f"refused by the tracking plan: report_exported ({uuid}): unlisted-value: format"
        assert client.rows("SELECT properties.format FROM posthog.events") == [["csv"]]
        assert violations(client) == {("unlisted-value", "report_exported", "format"): 1}
        assert counted(client)["checked"] == 2


def test_an_enforced_plan_counts_an_event_once_however_often_it_is_sent(store: Store, plan: Path) -> None:
    uuids = [f"0199aaaa-0000-7000-8000-00000000000{number}" for number in (1, 2)]
    right, wrong = event("report_exported", **RIGHT) | {"uuid": uuids[0]}, event("other") | {"uuid": uuids[1]}
    with serving(store, plan, enforce=True) as client:
        for _ in range(3):
            assert client.batch(right, wrong).status_code == 400
        assert (counted(client)["checked"], violations(client)) == (2, {("unplanned-event", "other"): 1})


def test_the_sdk_learns_what_was_refused(store: Store, plan: Path) -> None:
    plan.write_text(f"{PLAN}enforce: true\n")
    failed: list[Any] = []
    with serving(store, plan) as client:
        options: dict[str, Any] = {"host": str(client.http.base_url), "capture_mode": "v1"}
        sdk = posthog.Posthog(TOKEN, on_error=lambda error, _: failed.append(error), **options)
        refused = sdk.capture("report_exported", distinct_id="ann", properties={"rows": "many"})
        sdk.capture("report_exported", distinct_id="ann", properties=RIGHT)
        sdk.shutdown()
        assert client.rows("SELECT count() FROM posthog.events") == [[1]]
    assert [error.drops for error in failed] == [[(refused, "absent-property: format, wrong-type: rows")]]


def test_a_plan_that_changes_is_read_again_and_a_wrong_one_is_not(client: Client, plan: Path) -> None:
    plan.write_text(f"{PLAN}  report_shared:\n")
    client.send(event("report_shared"))
    assert violations(client) == {}
    plan.write_text("events: [broken")
    client.send(event("report_shared"), event("report_exportd"))
    assert violations(client) == {("unplanned-event", "report_exportd"): 1}
    assert "not valid YAML" in counted(client)["problem"]
    plan.unlink()
    client.send(event("report_shared"))
    assert client.rows("SELECT count() FROM posthog.events") == [[4]]
    plan.write_text(PLAN)
    client.send(event("report_shared"))
    assert violations(client)["unplanned-event", "report_shared"] == 1
    assert counted(client)["problem"] is None


def test_what_generated_code_sends_is_as_planned(
    store: Store, plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tracking.py").write_text(generate(REPORTS, Language.python))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tracking", raising=False)
    monkeypatch.setattr(track, "_tracker", None)
    with serving(store, FILE) as client:
        host = str(client.http.base_url)
        options: Any = {"database_url": None, "plan": None, "spool": tmp_path / "spool", "relay": False}
        track.configure(project_key=TOKEN, host=host, **options)
        runpy.run_path(str(FILE.parent / "right_calls.py"))
        assert track.flush(60)
        track.shutdown()
        assert violations(client) == {}
        assert counted(client)["checked"] == 9


def test_an_answer_names_twenty_events_and_rules(store: Store, plan: Path) -> None:
    with serving(store, plan, enforce=True) as client:
        many = {f"key {number}": 1 for number in range(30)}
        answer = client.batch(*(event(f"name {number}") for number in range(30)), event("report_opened", **many))
        assert answer.text.endswith("; and 11 more")
        second = client.batch(event("report_opened", **many))
        assert second.text.endswith("unplanned-property: key 19, and 10 more")


HOSTILE = ["a\nb", "\x1b[31mred", "'; DROP TABLE violations; --", "{{ x }} %s", "x" * 1000, "\u202e", "nul\0", "[bold]"]


@pytest.mark.parametrize("enforce", [False, True])
def test_hostile_names_are_data(store: Store, plan: Path, enforce: bool) -> None:  # noqa: FBT001
    with serving(store, plan, enforce=enforce) as client:
        answer = client.batch(*(event(name, **{name: {}}) for name in HOSTILE))
        assert answer.status_code == (400 if enforce else 200)
        assert "\n" not in answer.text
        assert "\x1b" not in answer.text
        rows = counted(client)["violations"]
        assert {row["event"] for row in rows} == {name[:200].replace("\0", "\ufffd") for name in HOSTILE}


def test_names_beyond_what_is_kept_are_counted_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("usertrack.server.database.violation_log.MOST_KINDS", 2)
    log = ViolationLog(tmp_path)
    for number in range(5):
        log.add(1, {Breach(f"name {number}", "", "", BROKEN): Broken("", {})}, NOW)
    assert {row["event"]: row["count"] for row in log.read()["violations"]} == {REST: 3, "name 0": 1, "name 1": 1}


def test_a_log_that_cannot_be_written_stops_no_event(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.send(event("report_exportd"))
    counted(client)
    with ViolationLog(client.store.path)._transaction() as database:
        database.execute("DROP TABLE violations")
    client.send(event("report_exportd"))
    assert client.rows("SELECT count() FROM posthog.events") == [[2]]
    wait_until(lambda: "violations of the tracking plan were not written" in caplog.text)


def test_an_erased_person_is_in_no_name(store: Store, plan: Path) -> None:
    with AppThread(store, replace(SETTINGS, plan=plan)) as server:
        erase_ann(Client(server.url, store), server.app.state.violations)


def erase_ann(client: Client, violation_log: ViolationLog) -> None:
    """What is not written yet is erased as well."""
    client.send(event("mail to ann@x.example"), event("report_exported", **{"bob@x.example": 1}, format="csv"))

    def erased(text: str) -> str:
        return text.replace("ann@x.example", "[erased]")

    client.store.require_caught_up()
    assert count_changes(client.store, violation_log, erased) == 2
    rewrite(client.store, violation_log, erased)
    assert violations(client) == {("unplanned-property", "report_exported", "bob@x.example"): 1}
    assert count_changes(client.store, violation_log, erased) == 0
    content = b"".join(file.read_bytes() for file in client.store.path.glob("live_check.sqlite*"))
    assert b"ann@x.example" not in content
