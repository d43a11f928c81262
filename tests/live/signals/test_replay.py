"""Live and history are one: the same events say the same, however they come and whenever the state is saved."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.live.signals.events import START, event, patterns_of
from usertrack.live.alerts.model import Signal
from usertrack.live.signals.engine import Engine
from usertrack.live.signals.occurrence import Occurrence
from usertrack.live.signals.patterns import Patterns
from usertrack.live.signals.state import StateFile

EVERYTHING = """
errors:
  when: {count: $exception, more_than: 1, within: 5m}
  per: fingerprint
  incident: {people: 2, within: 3m}
  for: 10s
few: {when: {count: any, fewer_than: 2, within: 10m}, keep_firing_for: 1m, cooldown: 20m}
quiet: {when: {none: any, within: 15m}, for: 5m, cooldown: 10m}
stuck:
  when:
    - {time_on_route: visible, more_than: 50s}
    - {any: [{count: $rageclick, more_than: 0, within: 5m}, {session: first}]}
  per: tab
there: {when: {time_on_route: open, more_than: 5m}, per: tab}
thrash: {when: {sequence: [$pageview A, $pageview B, $pageview A], within: 5m}, per: tab, keep_firing_for: 30s}
half: {when: {unfinished: "*_started", until: "*_done", within: 1h}, for: 2m}
rage: {when: {share: $rageclick, of: any, more_than: own p95, within: 2m, at_least: 2}}
open: {when: {session: open}, per: session}
no_save: {when: [{none: saved, within: 4m}, {count: any, more_than: 0, within: 30m}]}
"""


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> Patterns:
    return patterns_of(tmp_path_factory.mktemp("patterns"), EVERYTHING)


def _event(step: tuple[int, str, str, str, str]) -> Occurrence:
    at, name, person, route, session = step
    return event(at, name, person, route, session=f"{person} {session}", tab=f"{person} {session}", uuid=f"{at} {name}")


NAMES = [
    "$pageview",
    "$pageview",
    "$exception",
    "$rageclick",
    "$pageleave",
    "page_time",
    "x_started",
    "x_done",
    "saved",
]
EVENTS = st.lists(
    st.tuples(
        st.integers(0, 9000),
        st.sampled_from(NAMES),
        st.sampled_from(["ann", "bob", "cleo"]),
        st.sampled_from(["/a", "/b"]),
        st.sampled_from(["1", "2"]),
    ).map(_event),
    max_size=60,
).map(lambda events: sorted(events, key=lambda each: (each.at, each.uuid)))


def _history(patterns: Patterns, events: list[Occurrence]) -> list[Signal]:
    engine = Engine(patterns)
    signals = engine.run(events)
    engine.advance(START + 20_000)
    return signals + engine.taken()


def _live(patterns: Patterns, events: list[Occurrence], polls: list[int]) -> list[Signal]:
    """Events come by `polls`, after each of which the state is saved, and loaded by a new process."""
    with TemporaryDirectory() as folder:
        for poll in [*sorted(polls), 20_000]:
            state, engine = StateFile(Path(folder)), Engine(patterns)
            state.load(engine)
            for each in events:
                if engine.clock < START + poll and (state.read_until or 0) <= each.at < START + poll:
                    engine.feed(each)
            engine.advance(START + poll)
            state.save(engine, engine.taken(), read_until=START + poll)
            signals = [signal for _, signal in state.waiting()]
            state.close()
    return signals


@settings(max_examples=30, deadline=None)
@given(EVENTS, st.lists(st.integers(0, 19_999), max_size=5, unique=True))
def test_live_says_what_history_says(patterns: Patterns, events: list[Occurrence], polls: list[int]) -> None:
    assert _live(patterns, events, polls) == _history(patterns, events)


def test_every_pattern_of_the_property_fires_in_it(patterns: Patterns) -> None:
    def example(events: list[Occurrence]) -> set[str]:
        return {each.pattern for each in _history(patterns, events) if each.state == "firing"}

    busy = [
        *(event(at, "$pageview", "ann", route) for at, route in ((0, "/a"), (10, "/b"), (20, "/a"))),
        event(30, "x_started", "ann", "/a"),
        *(event(at, "$exception", person, "/a") for at in (40, 45, 50) for person in ("ann", "bob")),
        *(event(60 + at, "$rageclick" if at > 150 else "$pageview", "ann", "/a") for at in range(0, 20_00, 17)),
    ]
    assert example(sorted(busy)) >= {each.id for each in patterns.patterns} - {"rage"}
