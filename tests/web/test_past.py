"""Segments over time, from the history: sizes of weeks, and who came and went."""

from pathlib import Path

import pytest

from tests.web.conftest import Browser, Strangers


@pytest.fixture
def browser(stranger: Strangers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Browser:
    """A browser at the pages of the demo, whose history begins with one week."""
    monkeypatch.setenv("USERTRACK_HISTORY", str(tmp_path / "history.duckdb"))
    monkeypatch.setattr("usertrack.web.population._WEEKS", 1)
    own = stranger()
    own.enter()
    return own


@pytest.mark.slow  # everybody is asked for at two moments; tests/segments proves what a history says
def test_the_demo_has_a_past(browser: Browser) -> None:
    page = browser.get("/segments").text
    assert "2 values, least " in page
    assert "since 13 Nov 2026" in page
    assert "2 values, least " in browser.get("/segments?refresh=1").text
    moved = browser.get("/segments/failing").text
    assert "Came and went since 13 Nov 2026" in moved
    assert "success rate" in moved[moved.index("Came and went") :]
