import os
from pathlib import Path

import pytest

from tests.alerts.signals import T0
from usertrack.alerts.watch_lock import WatchLock
from usertrack.core.errors import ConnectionFailed


def test_a_second_watcher_is_told_of_the_first(tmp_path: Path) -> None:
    with WatchLock(tmp_path, T0), pytest.raises(ConnectionFailed) as error:
        WatchLock(tmp_path, T0)
    assert f"by process {os.getpid()} on" in error.value.message
    assert "since 2026-11-20T09:00 UTC" in error.value.message
    WatchLock(tmp_path, T0).release()
