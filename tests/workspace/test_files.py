"""Which files a workspace brings itself, and which are the shipped ones."""

from pathlib import Path

import pytest

from usertrack.library.library import shipped_root
from usertrack.workspace.files import funnel_paths, patterns_path
from usertrack.workspace.settings import load_settings


def test_a_file_of_the_workspace_goes_before_the_shipped_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "usertrack.yaml").write_text("")
    shipped = shipped_root() / "patterns.yaml"
    assert patterns_path(load_settings()) == shipped
    (tmp_path / "patterns.yaml").write_text("")
    assert patterns_path(load_settings()) == Path("patterns.yaml")
    assert funnel_paths(load_settings(workspace=shipped_root())) == [shipped_root() / "funnels.yaml"]
    (tmp_path / "funnels.yaml").write_text("")
    assert funnel_paths(load_settings()) == [Path("funnels.yaml"), shipped_root() / "funnels.yaml"]
