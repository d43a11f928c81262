"""`usertrack.track`, the former name: one library under both, and a message where it is not installed."""

import subprocess
import sys

USED = """
import warnings
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    from usertrack import track
    from usertrack.track.asgi import ErrorTracking
    from usertrack.track.errors import LOG
assert "is now usertrack_track" in str(told[0].message)
import usertrack_track
assert track is usertrack_track
assert LOG is usertrack_track.errors.LOG
"""
ABSENT = "import sys; sys.modules['usertrack_track'] = None; import usertrack.track"


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True)


def test_both_names_are_one_library() -> None:
    assert python("-c", USED).stderr == ""
    assert "CREATE SCHEMA IF NOT EXISTS usertrack" in python("-m", "usertrack.track", "migrate", "--print").stdout


def test_without_the_library_it_says_how_to_install_it() -> None:
    assert "`pip install './packages/track[posthog,psycopg]'`" in python("-c", ABSENT).stderr
