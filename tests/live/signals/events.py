"""Events of a few people, written as a line each."""

from pathlib import Path
from typing import Any

from usertrack.live.alerts.model import Signal
from usertrack.live.signals.engine import Engine
from usertrack.live.signals.occurrence import NOTHING, Occurrence
from usertrack.live.signals.patterns import Patterns
from usertrack.live.signals.read import read_patterns

START = 1_795_000_000.0
"""18 November 2026, 11:06:40 UTC."""


def patterns_of(folder: Path, text: str) -> Patterns:
    """The patterns that ``text`` has under `patterns:`."""
    path = folder / "patterns.yaml"
    path.write_text("patterns:\n" + "\n".join(f"  {line}" for line in text.strip("\n").splitlines()))
    return read_patterns(path)


def event(at: float, name: str = "$pageview", person: str = "ann", route: str = "/a", **more: Any) -> Occurrence:
    """An event ``at`` seconds after `START`, in a session and tab of the person's own unless ``more`` says so."""
    uuid, session = more.pop("uuid", f"{person} {name} {at}"), more.pop("session", f"{person}'s")
    tab, distinct_id = more.pop("tab", session), more.pop("distinct_id", person)
    return Occurrence(START + at, uuid, name, person, distinct_id, session, tab, route, more or NOTHING)


def summary(signals: list[Signal]) -> list[str]:
    """Each signal as ``errors firing 12``: the pattern, its state, and the seconds since `START`."""
    return [f"{each.pattern} {each.state} {each.at.timestamp() - START:g}" for each in signals]


def signals_of(patterns: Patterns, events: list[Occurrence], until: float = 100_000) -> list[Signal]:
    """What ``patterns`` say of ``events``, and of the time ``until`` so many seconds after `START`."""
    engine = Engine(patterns)
    signals = engine.run(sorted(events))
    engine.advance(START + until)
    return signals + engine.taken()
