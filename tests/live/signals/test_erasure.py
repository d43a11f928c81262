from datetime import UTC, datetime
from pathlib import Path

from tests.live.signals.events import START, event, patterns_of
from usertrack.live.alerts.erasure import PersonInAlerts
from usertrack.live.signals.engine import Engine
from usertrack.live.signals.state import StateFile

BURST = "errors: {when: {count: $exception, more_than: 0, within: 5m}, incident: {people: 3, within: 5m}}"


def test_an_erased_person_is_in_no_byte_of_what_patterns_remember(tmp_path: Path) -> None:
    state, engine = StateFile(tmp_path), Engine(patterns_of(tmp_path, BURST))
    people = ("0190-ada", "0190-bob")
    signals = engine.run(event(at, "$exception", person) for at, person in enumerate(people))
    state.save(engine, signals, read_until=0, read=["uuid-1"])
    ada = PersonInAlerts(frozenset({"0190-ada"}), "ada@acme.example").is_in
    assert state.held(ada) >= 2
    state.erase(ada)
    assert state.held(ada) == 0
    files = b"".join(path.read_bytes() for path in tmp_path.glob("signals.db*"))
    assert b"0190-ada" not in files
    assert b"0190-bob" in files


def test_what_is_usual_for_a_person_goes_with_the_person(tmp_path: Path) -> None:
    email = "ada@acme.example"
    share = "share: {when: {share: $exception, of: any, within: 1m, more_than: own p95, at_least: 2}}"
    state, engine = StateFile(tmp_path), Engine(patterns_of(tmp_path, share))
    engine.run(event(at * 20, "$exception" if at % 2 else "x", email) for at in range(50))
    state.save(engine)
    state.erase(PersonInAlerts(frozenset({email}), email).is_in)
    assert email.encode() not in state.path.read_bytes()
    engine.forget(START + 10_000)
    assert not any(email in name for name in engine.baselines.histograms)


RULES = """
errors: {when: {count: $exception, more_than: 0, within: 5m}, incident: {people: 3, within: 5m}, per: fingerprint}
share: {when: {share: $exception, of: any, within: 1m, more_than: own p95, at_least: 2}}
open: {when: {unfinished: "*_started", until: "*_done", within: 90d}}
"""


def test_retention_forgets_who_was_here_before_and_keeps_whom_an_alert_fires_for(tmp_path: Path) -> None:
    state, engine = StateFile(tmp_path), Engine(patterns_of(tmp_path, RULES))
    day, before = 86_400, datetime.fromtimestamp(START + 86_400, UTC)
    old = [event(at * 20, "$exception" if at % 2 else "x", "0190-ada") for at in range(50)]
    later = [event(0, "x_started", "0190-open"), event(2 * day, "x", "0190-bob")]
    signals = engine.run(sorted([*old, *later]))
    assert {"0190-ada", "0190-open"} == {each.person for each in signals}
    state.save(engine, signals, read_until=START, arrived_until=START, read=["uuid-1"])
    assert state.old(before) > 4
    state.forget(before)
    assert state.old(before) == 0
    files = b"".join(path.read_bytes() for path in tmp_path.glob("signals.db*"))
    assert [name in files for name in (b"0190-ada", b"0190-open", b"0190-bob", b"uuid-1")] == [False, True, True, False]
    restored = Engine(engine.patterns)
    state.load(restored)
    assert sorted(restored.people) == ["0190-bob", "0190-open"]
