"""`kill -9` of `import events` before and after each of its writes: the next import loses and doubles nothing.

All 46 kills by hand: `USERTRACK_KILLS=46 pytest -n 0 -m slow tests/imports/test_killed_imports.py`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

WRITES = 23  # of an import
MANY = min(int(os.environ.get("USERTRACK_KILLS", "8")), 2 * WRITES)
FIRST = 2 * WRITES - MANY  # the last ones move events and persons into the store


@pytest.mark.slow
def test_the_next_import_finishes_it(tmp_path: Path) -> None:
    program = Path(__file__).with_name("killed.py")
    command = [sys.executable, program, tmp_path, *map(str, (FIRST, FIRST + MANY - 1))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"killed {MANY}"], done.stderr
