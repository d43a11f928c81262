"""Somebody who signed up a minute ago has a name in the first message, too."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from tests.alerts.signals import T0, signal
from tests.people import Company, ago, office
from tests.signals.events import patterns_of
from usertrack.signals.audience import Everybody, Unknown
from usertrack.signals.engine import Engine
from usertrack.signals.newcomers import Newcomers, read_names


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
    with office(tmp_path / "office", company) as whole, whole.runner("posthog") as runner:
        engine = Engine(patterns_of(tmp_path, "a: {when: {none: any, within: 1h}}"))
        newcomers = Newcomers(engine, lambda now: Unknown("it is away"), partial(read_names, runner))
        signals = newcomers.introduced([signal(person=ids["bob"]), signal(person="nobody")], T0)
        signals += newcomers.introduced([signal(person=ids["eve"])], T0 + timedelta(seconds=5))
    assert [each.facts.get("email") for each in signals] == ["bob@x.example", None, "eve@x.example"]
    assert isinstance(engine.audience, Everybody)  # what was known before it went away
