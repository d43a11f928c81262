"""Killed at any moment, also in the middle of a `for:`, a watcher says what it would have said: each signal once."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.signals.events import START, patterns_of
from tests.live.signals.killed import POLLS, STEP, invented
from usertrack.live.signals.engine import Engine

RULES = """
errors: {when: {count: $exception, more_than: 1, within: 5m}, for: 90s, keep_firing_for: 2m}
rage: {when: {count: $rageclick, more_than: 1, within: 3m}, per: tab, cooldown: 5m}
quiet: {when: {none: any, within: 4m}}
"""
ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("kills", [3, pytest.param(100, marks=pytest.mark.slow)])
def test_a_watcher_that_is_killed_goes_on_where_it_was(tmp_path: Path, kills: int) -> None:
    engine = Engine(patterns_of(tmp_path, RULES))
    signals = engine.run(invented())
    engine.advance(START + POLLS * STEP)
    expected = [f"{each.key} {each.state} {each.at}" for each in signals + engine.taken()]
    command = [sys.executable, "-m", "tests.live.signals.killed", str(tmp_path), str(kills)]
    subprocess.run(command, cwd=ROOT, check=True)
    # one that was heard twice is the same to the letter: alerts count it once
    heard = dict.fromkeys((tmp_path / "heard").read_text().splitlines())
    assert list(heard) == expected
