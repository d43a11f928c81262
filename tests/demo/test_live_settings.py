"""Commands that watch the demo's people while another process prepares them."""

import threading
import time
from pathlib import Path

import pytest

from usertrack.cli.diagnostics import Progress
from usertrack.core.errors import ConnectionFailed
from usertrack.demo.traffic.data import beginning
from usertrack.demo.traffic.live_settings import live_settings
from usertrack.workspace.settings import Settings, load_settings


def demo_settings() -> Settings:
    settings = load_settings(demo=True)
    assert settings.uses_demo
    return settings


def test_they_wait_for_who_prepares_them(clean_env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clean_env.setenv("XDG_CACHE_HOME", str(tmp_path))
    ended = []

    def watch() -> None:
        with pytest.raises(ConnectionFailed, match="nobody plays"), live_settings(demo_settings(), Progress):
            raise AssertionError
        ended.append(time.monotonic())

    with beginning(tmp_path / "usertrack"):
        watching = threading.Thread(target=watch)
        watching.start()
        watching.join(0.3)
        assert not ended  # it waits
    watching.join(5)
    assert ended  # it was given up, and says so
