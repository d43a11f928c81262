"""Somebody who signed up a minute ago has a name in the first message, too."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tests.alerts.signals import T0, signal
from tests.signals.events import patterns_of
from usertrack.signals.audience import Everybody
from usertrack.signals.engine import Engine
from usertrack.signals.newcomers import Newcomers


class Known(Everybody):
    def facts(self, person: str) -> Mapping[str, Any]:
        return {"email": f"{person}@acme.example", "tier": "trial"} if person == "ada" else {}


def test_facts_are_read_anew_for_somebody_unknown_once_a_minute(tmp_path: Any) -> None:
    engine, reads = Engine(patterns_of(tmp_path, "a: {when: {none: any, within: 1h}}")), []

    def read() -> Known:
        reads.append(1)
        return Known()

    newcomers = Newcomers(engine, read)
    [ada] = newcomers.introduced([signal(person="ada")], T0)
    assert ada.facts["email"] == "ada@acme.example"
    assert ada.labels["tier"] == "trial"
    [bob] = newcomers.introduced([signal(person="bob")], T0 + timedelta(seconds=30))
    assert "email" not in bob.facts
    assert len(reads) == 1
    newcomers.introduced([signal(person="bob")], T0 + timedelta(minutes=2))
    newcomers.introduced([signal(person="", facts={"people": 12})], T0 + timedelta(minutes=9))  # an incident
    assert len(reads) == 2
