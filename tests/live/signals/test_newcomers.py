"""Somebody who signed up a minute ago has a name in the first message, too."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from tests.live.alerts.signals import T0, signal
from tests.live.signals.events import event, patterns_of
from tests.people import Company, ago, office
from usertrack.live.signals.audience import Everybody, UndecidedAudience
from usertrack.live.signals.engine import Engine
from usertrack.live.signals.newcomers import Newcomers, read_names
from usertrack.live.signals.patterns import Pattern


class Known(Everybody):
    def facts(self, person: str) -> Mapping[str, Any]:
        return {"email": f"{person}@acme.example", "tier": "trial"} if person == "ada" else {}


def test_facts_are_read_anew_for_somebody_unknown_once_a_minute(tmp_path: Any) -> None:
    engine, reads = Engine(patterns_of(tmp_path, "a: {when: {none: any, within: 1h}}")), []

    def read(now: datetime) -> Known:
        reads.append(now)
        return Known()

    newcomers = Newcomers(engine, read, lambda people: {})
    [ada] = newcomers.introduced([signal(person="ada")], T0)
    assert ada.facts["email"] == "ada@acme.example"
    assert ada.labels["tier"] == "trial"
    [bob] = newcomers.introduced([signal(person="bob")], T0 + timedelta(seconds=30))
    assert "email" not in bob.facts
    assert len(reads) == 1
    newcomers.introduced([signal(person="bob")], T0 + timedelta(minutes=2))
    newcomers.introduced([signal(person="", facts={"people": 12})], T0 + timedelta(minutes=9))  # an incident
    assert reads == [T0, T0 + timedelta(minutes=2)]


def test_a_name_is_asked_for_whoever_comes_within_that_minute(tmp_path: Path) -> None:
    company = Company()
    ids = {name: company.person(f"{name.title()}@x.example") for name in ("bob", "eve")}
    for id_ in ids.values():
        company.event(id_, "x", ago(1))
    with office(tmp_path / "office", company) as acme, acme.runner("posthog") as runner:
        engine = Engine(patterns_of(tmp_path, "a: {when: {none: any, within: 1h}}"))
        newcomers = Newcomers(engine, lambda now: UndecidedAudience("it is away"), partial(read_names, runner))
        signals = newcomers.introduced([signal(person=ids["bob"]), signal(person="nobody")], T0)
        signals += newcomers.introduced([signal(person=ids["eve"])], T0 + timedelta(seconds=5))
    assert [each.facts.get("email") for each in signals] == ["bob@x.example", None, "eve@x.example"]
    assert engine.audience.includes(engine.patterns["a"], ids["bob"])  # what was known before it went away


STALLS = "stalls: {when: {count: x, more_than: 0, within: 5m}, where: trial}"


class Trials(Everybody):
    """Those of ``people`` who have a profile: whether they are on trial."""

    def __init__(self, people: Mapping[str, bool]) -> None:
        self._people = people

    def includes(self, pattern: Pattern, person: str) -> bool | None:
        return self._people.get(person, False)

    def facts(self, person: str) -> Mapping[str, Any]:
        return {"email": f"{person}@x.example"} if person in self._people else {}


def test_who_signed_up_a_minute_ago_is_asked_for_before_a_pattern_decides(tmp_path: Path) -> None:
    profiles, reads = {"old": False}, []

    def read(now: datetime) -> Trials:
        reads.append(now)
        return Trials(dict(profiles))

    engine = Engine(patterns_of(tmp_path, STALLS), Trials(dict(profiles)))
    asked = []

    def emails(people: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        asked.append(sorted(people))
        return {person: {"email": person} for person in people if person != "visitor"}

    newcomers = Newcomers(engine, read, emails)
    profiles |= {"ada": True, "pays": False}
    for at, person in enumerate(("old", "visitor")):
        engine.feed(event(at, "x", person))
    newcomers.meet(T0)
    assert (engine.taken(), reads) == ([], [])  # who has no e-mail has no profile
    for at, person in enumerate(("ada", "pays", "visitor")):
        engine.feed(event(10 + at, "x", person))
    assert engine.taken() == []
    newcomers.meet(T0 + timedelta(seconds=5))
    newcomers.meet(T0 + timedelta(seconds=10))
    assert [each.person for each in engine.taken()] == ["ada"]
    profiles["bob"] = True
    engine.feed(event(20, "x", "bob"))
    newcomers.meet(T0 + timedelta(seconds=30))
    assert engine.taken() == []  # everybody is read once a minute
    newcomers.meet(T0 + timedelta(seconds=65))
    assert [each.person for each in engine.taken()] == ["bob"]
    assert reads == [T0 + timedelta(seconds=5), T0 + timedelta(seconds=65)]
    assert newcomers.undecided() == {}
    engine.feed(event(30, "x", "visitor"))
    newcomers.meet(T0 + timedelta(seconds=130))
    assert asked == [["visitor"], ["ada", "pays"], ["bob"], ["visitor"]]  # who may have signed up meanwhile


def test_who_is_new_stays_unknown_while_a_source_is_away(tmp_path: Path) -> None:
    answers = [UndecidedAudience("it is away"), Trials({"ada": True})]
    engine = Engine(patterns_of(tmp_path, STALLS), Trials({}))
    newcomers = Newcomers(engine, lambda now: answers.pop(0), lambda people: {"ada": {"email": "ada"}})
    engine.feed(event(0, "x", "ada"))
    newcomers.meet(T0)
    assert engine.taken() == []
    newcomers.meet(T0 + timedelta(seconds=61))
    assert [each.person for each in engine.taken()] == ["ada"]
