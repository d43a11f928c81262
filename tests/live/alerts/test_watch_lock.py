import os
from pathlib import Path

import pytest

from tests.live.alerts.signals import T0
from usertrack.cli.watch_pane import Outage
from usertrack.core.errors import ConnectionFailed
from usertrack.live.alerts.watch_lock import WatchLock, deaf_since


def test_a_second_watcher_is_told_of_the_first(tmp_path: Path) -> None:
    with WatchLock(tmp_path, T0), pytest.raises(ConnectionFailed) as error:
        WatchLock(tmp_path, T0)
    assert f"by process {os.getpid()} on" in error.value.message
    assert "since 2026-11-20T09:00 UTC" in error.value.message
    WatchLock(tmp_path, T0).release()


def test_an_outage_is_told_once_and_others_know_since_when(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with WatchLock(tmp_path, T0) as lock:
        outage = Outage(lock)
        for _ in range(3):
            outage.goes_on(ConnectionFailed("PostHog does not answer"))
        assert deaf_since(tmp_path)
        outage.is_over()
        assert deaf_since(tmp_path) is None
    errors = capsys.readouterr().err
    assert errors.count("PostHog does not answer") == 1
    assert "events are read again" in errors
