"""Whom a pattern is about: by facts, by a segment, and when nobody knows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.signals.events import patterns_of
from tests.people import Company, Office, ago, office
from usertrack.live.signals.engine import Engine
from usertrack.live.signals.occurrence import Occurrence
from usertrack.live.signals.profiled import read_audience

RULES = """
paying: {when: {count: x, more_than: 0, within: 5m}, where: subscription_status = 'active', because: "{credits} left"}
failing: {when: {count: x, more_than: 0, within: 5m}, segment: failing}
both: {when: {count: x, more_than: 0, within: 5m}, segment: action/failing, where: credits < 50}
all: {when: {count: x, more_than: 0, within: 5m}}
"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Office, dict[str, str]]]:
    company = Company()
    people = {}
    for name, options in (
        ("pays", {"subscription": "active"}),
        ("fails", {"runs": {"failed": 9}}),
        ("fails_poor", {"runs": {"failed": 9}, "credits": 3}),
        ("unknown", {"credits": None, "runs": {"failed": 9}}),
    ):
        company.account(f"{name}@x.example", **options)  # type: ignore[arg-type]
        people[name] = company.person(f"{name}@x.example")
        company.event(people[name], "x", ago(1))
    people["visitor"] = company.person(None)
    company.event(people["visitor"], "x", ago(1))
    with office(tmp_path_factory.mktemp("office"), company) as acme:
        yield acme, people


def _fires(opened: tuple[Office, dict[str, str]], folder: Path, *sources: str) -> tuple[dict[str, set[str]], list[str]]:
    acme, people = opened
    patterns = patterns_of(folder, RULES)
    with acme.runner(*sources) as runner:
        audience = read_audience(runner, acme.rules, patterns)
    engine = Engine(patterns, audience)
    signals = engine.run(Occurrence(number, name, "x", id_, id_) for number, (name, id_) in enumerate(people.items()))
    names = {id_: name for name, id_ in people.items()}
    fired = {each.id: {names[s.person] for s in signals if s.pattern == each.id} for each in patterns.patterns}
    return fired, [*audience.notes, *engine.undecided, *(each.because for each in signals if each.pattern == "paying")]


def test_facts_and_segments_say_whom_a_pattern_is_about(opened: tuple[Office, dict[str, str]], tmp_path: Path) -> None:
    fired, notes = _fires(opened, tmp_path)
    assert fired == {
        "paying": {"pays"},
        "failing": {"fails", "fails_poor", "unknown"},
        "both": {"fails_poor"},  # of the other one, the credits are unknown
        "all": {"pays", "fails", "fails_poor", "unknown", "visitor"},
    }
    assert notes == ["paying", "both", "80 left"]  # of others it is unknown whether they pay


def test_without_the_source_of_a_fact_nothing_fires_that_needs_it_and_that_is_told(
    opened: tuple[Office, dict[str, str]], tmp_path: Path
) -> None:
    fired, notes = _fires(opened, tmp_path, "posthog")
    assert {name for name, people in fired.items() if people} == {"all"}
    away = "undecided for some, because Postgres is not connected"
    assert notes[:3] == [f"{name}: {away}" for name in ("paying", "both", "failing")]


def test_without_profiles_nothing_fires_that_needs_them(opened: tuple[Office, dict[str, str]], tmp_path: Path) -> None:
    fired, notes = _fires(opened, tmp_path, "neon")
    assert {name for name, people in fired.items() if people} == {"all"}
    assert notes[0] == "patterns with `where:` or `segment:` do not fire, because PostHog is not connected"
