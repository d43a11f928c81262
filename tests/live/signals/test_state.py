"""What the file of an engine holds over restarts, and who may read it."""

from pathlib import Path

import pytest

from tests.live.signals.events import START, event, patterns_of, summary
from usertrack.live.signals.engine import Engine
from usertrack.live.signals.patterns import Patterns
from usertrack.live.signals.state import StateFile

ERRORS = "errors: {when: {count: $exception, more_than: 1, within: 5m}}"
QUIET = f"{ERRORS}\nquiet: {{when: {{none: any, within: 1h}}}}"
NO_EXPORT = f"{ERRORS}\nno_export: {{when: {{none: export, within: 1h}}}}"


def _loaded(folder: Path, patterns: Patterns, now: float) -> Engine:
    """The engine of a new process, saved at ``now`` seconds after `START`."""
    state, engine = StateFile(folder), Engine(patterns)
    state.load(engine)
    engine.advance(START + now)
    state.save(engine, engine.taken())
    state.close()
    return engine


def _begun(folder: Path) -> None:
    state, engine = StateFile(folder), Engine(patterns_of(folder, ERRORS))
    engine.run([event(0)])
    state.save(engine)
    state.close()


@pytest.mark.parametrize("restarts", [1, 2, 3])
def test_a_new_pattern_watches_who_was_silent_since(tmp_path: Path, restarts: int) -> None:
    _begun(tmp_path)
    patterns = patterns_of(tmp_path, QUIET)
    for _ in range(restarts):
        engine = _loaded(tmp_path, patterns, 60)
    engine.advance(START + 9000)
    assert summary(engine.taken()) == ["quiet firing 3600"]


@pytest.mark.parametrize("restarts", [1, 2, 3])
def test_a_new_pattern_watches_from_the_next_event_however_late_that_comes(tmp_path: Path, restarts: int) -> None:
    _begun(tmp_path)
    patterns = patterns_of(tmp_path, NO_EXPORT)
    for _ in range(restarts):
        engine = _loaded(tmp_path, patterns, 60)
    engine.run([event(100)])
    engine.advance(START + 9000)
    assert summary(engine.taken()) == ["no_export firing 3600"]


def test_a_new_pattern_says_nothing_of_who_was_silent_long_before_it(tmp_path: Path) -> None:
    _begun(tmp_path)
    _loaded(tmp_path, patterns_of(tmp_path, ERRORS), 7200)
    engine = _loaded(tmp_path, patterns_of(tmp_path, QUIET), 9000)
    assert engine.taken() == []
    engine.run([event(10_000)])
    engine.advance(START + 20_000)
    assert summary(engine.taken()) == ["quiet firing 13600"]


def test_nobody_else_may_read_what_is_remembered_from_the_first_moment(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    state = StateFile(tmp_path)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("signals.db*")} == {0o600}
    state.close()
