"""Why a pattern fired: which conditions were met, and by which events."""

from pathlib import Path

from tests.signals.events import START, event, patterns_of
from usertrack.signals.audience import Everybody
from usertrack.signals.explain import explain

RULE = """
lost:
  when:
    - {count: $exception, more_than: 1, within: 5m}
    - {none: any, within: 2m}
"""


def test_the_events_that_decided_are_named(tmp_path: Path) -> None:
    events = [event(0), event(10, "$exception"), event(20, "$exception"), event(30, "$click")]
    patterns = patterns_of(tmp_path, RULE)
    (early,) = explain(patterns, "lost", Everybody(), events, "ann", START + 100)
    (late,) = explain(patterns, "lost", Everybody(), events, "ann", START + 151)
    assert [(each.words, each.met) for each in early.conditions] == [
        ("more than 1 × $exception within 5 min", True),
        ("no any for 2 min", False),
    ]
    assert [[each.name for each in condition.events] for condition in late.conditions] == [
        ["$exception", "$exception"],
        ["$click"],
    ]
    assert (early.firing, late.firing) == (False, True)
    assert explain(patterns, "lost", Everybody(), events, "bob", START + 100) == []
