"""When a pattern holds, and what the engine says of it: to the second, each time at its edge."""

from pathlib import Path

from tests.signals.events import event, patterns_of, signals_of, told

ERRORS = "errors: {when: {count: $exception, more_than: 3, within: 5m}}"
QUIET = "quiet: {when: {none: any, within: 15m}}"


def test_more_than_three_errors_within_five_minutes(tmp_path: Path) -> None:
    patterns = patterns_of(tmp_path, ERRORS)
    assert told(signals_of(patterns, [event(at, "$exception") for at in (0, 100, 200, 299)])) == [
        "errors firing 299",
        "errors resolved 300",  # when the first one is five minutes ago
    ]
    assert not signals_of(patterns, [event(at, "$exception") for at in (0, 100, 200, 300)])
    assert not signals_of(patterns, [event(at, "$exception", person) for at in (0, 9) for person in ("ann", "bob")])


def test_what_does_not_happen_is_found_when_it_is_due(tmp_path: Path) -> None:
    patterns = patterns_of(tmp_path, QUIET)
    assert told(signals_of(patterns, [event(0), event(600), event(2000)])) == [
        "quiet firing 1500",
        "quiet resolved 2000",
        "quiet firing 2900",
    ]
