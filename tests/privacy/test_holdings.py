"""Which files of this machine are looked at, and which are named as not checked."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from usertrack.privacy.holdings import local_files
from usertrack.workspace.settings import load_settings


def test_the_live_people_of_the_demo_are_another_store(clean_env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clean_env.setenv("XDG_CACHE_HOME", str(tmp_path))
    settings = load_settings(workspace=tmp_path)
    analysis: Any = SimpleNamespace(settings=settings, runner=SimpleNamespace(now=datetime.now(UTC)), progress=print)
    assert settings.uses_demo
    assert local_files(analysis).unseen == ()
    live = tmp_path / "usertrack" / "live-demo"
    (live / "clickhouse").mkdir(parents=True)
    assert local_files(analysis).unseen == (live,)
    assert local_files(analysis, data=live).unseen == ()
