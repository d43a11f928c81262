"""Where the tracking plan of a workspace lies."""

from pathlib import Path

import pytest

from usertrack.core.errors import UsageError
from usertrack.workspace.files import plan_path
from usertrack.workspace.settings import load_settings


def test_the_plan_lies_in_the_workspace_or_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"there is no tracking plan 'tracking.yaml'"):
        plan_path(load_settings())
    (tmp_path / "tracking.yaml").write_text("events: {}")
    assert plan_path(load_settings()) == Path("tracking.yaml")
    with pytest.raises(UsageError, match=r"there is no tracking plan 'other.yaml'"):
        plan_path(load_settings(), Path("other.yaml"))
