"""`kill -9` at any moment of a commit: what was acknowledged is there once, and ids and persons are whole.

The first 24 kills are one before and one after each of a life's first twelve writes, of which everybody runs eight; the
next four are likewise among the writes of a start, and the others are at random.
By hand for longer: `USERTRACK_KILLS=10000 pytest -n 0 -m slow tests/server/test_kills.py`.
"""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

MANY = int(os.environ.get("USERTRACK_KILLS", "24"))


@pytest.mark.slow
@pytest.mark.parametrize(("first", "kills"), [(0, 8), pytest.param(8, MANY, marks=pytest.mark.slow)])
def test_the_next_start_finds_every_person_whole(tmp_path: Path, first: int, kills: int) -> None:
    seed = random.randrange(10**6)
    program = Path(__file__).with_name("killed.py")
    command = [sys.executable, program, tmp_path, *map(str, (first, first + kills - 1, seed))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout.splitlines(), seed) == ([f"killed {kills}"], seed), done.stderr
    assert len((tmp_path / "acknowledged").read_text().split()) > kills
