from pathlib import Path

from tests.signals.events import event, patterns_of
from usertrack.alerts.erasure import Person
from usertrack.signals.engine import Engine
from usertrack.signals.state import StateFile

BURST = "errors: {when: {count: $exception, more_than: 0, within: 5m}, incident: {people: 3, within: 5m}}"


def test_an_erased_person_is_in_no_byte_of_what_patterns_remember(tmp_path: Path) -> None:
    state, engine = StateFile(tmp_path), Engine(patterns_of(tmp_path, BURST))
    people = ("0190-ada", "0190-bob")
    signals = engine.run(event(at, "$exception", person) for at, person in enumerate(people))
    state.save(engine, signals, read_until=0, read=["uuid-1"])
    ada = Person(frozenset({"0190-ada"}), "ada@acme.example").is_in
    assert state.held(ada) >= 2
    state.erase(ada)
    assert state.held(ada) == 0
    files = b"".join(path.read_bytes() for path in tmp_path.glob("signals.db*"))
    assert b"0190-ada" not in files
    assert b"0190-bob" in files
