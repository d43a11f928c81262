"""Eight foreign companies, and a walk of every command and page over each of them.

A world is a module: its tables, rows, events and settings, as a description. `oracle.py` computes what the commands
have to say about it, from the same rows, and imports nothing of usertrack. `walk.py` is the one test: it discovers the
commands, pages, formats and push targets, so a new one joins by existing.

All of one world:                   pytest tests/worlds/test_members.py
One command over all worlds:        pytest tests/worlds -k "segments"
One command over one world:         pytest tests/worlds -k "members and retention"
What a world shows on a terminal:   python -m tests.worlds members retention --days 30
"""

import pytest

pytest.register_assert_rewrite(f"{__name__}.walk", f"{__name__}.world")
