"""An erasure that was killed is finished by the next command: no byte, unpacked ones too, and no row has the e-mail.

The first 104 kills are one before and one after each write to the store, the others at random moments. By hand for
longer: `USERTRACK_KILLS=200 pytest -n 0 -m slow tests/privacy/test_killed_erasures.py`.
"""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

MANY = int(os.environ.get("USERTRACK_KILLS", "6"))
AROUND_THE_PURGE = 40  # the life that ends when rows are deleted, and old parts are still on the disk


@pytest.mark.slow
@pytest.mark.parametrize(("first", "kills"), [(AROUND_THE_PURGE, 4), (0 if MANY > 100 else 104, MANY)])
def test_the_next_command_finishes_it(tmp_path: Path, first: int, kills: int) -> None:
    seed = random.randrange(10**6)
    program = Path(__file__).with_name("killed.py")
    command = [sys.executable, program, tmp_path, *map(str, (first, first + kills - 1, seed))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *left, killed = done.stdout.splitlines()
    assert (left, seed) == ([], seed), done.stderr
    assert killed != "killed 0"
