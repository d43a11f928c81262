"""A damaged file of saved insights costs the insights, and not the server."""

from contextlib import closing
from pathlib import Path

import httpx
import pytest
from capture_fixtures import SETTINGS, AppThread

from usertrack.server.database.saved_insights import SavedInsights
from usertrack.server.database.store import Store

CUT = b"not a database at all" * 99


@pytest.mark.parametrize("pages", [0, 1])  # those of the file that are whole: none, or the first
def test_they_are_set_aside_and_health_says_how_to_restore_them(tmp_path: Path, pages: int) -> None:
    file = tmp_path / "insights.sqlite"
    SavedInsights(tmp_path).add({"name": "mine"})
    damaged = file.read_bytes()[: pages * 4096] + CUT
    file.write_bytes(damaged)
    key = {"Authorization": f"Bearer {SETTINGS.personal_api_key}"}
    with closing(Store(tmp_path)) as store, AppThread(store) as server:
        health = httpx.get(f"{server.url}/health", headers=key)
        listed = httpx.get(f"{server.url}/api/projects/1/insights/", headers=key)
    [kept] = tmp_path.glob("insights-damaged-*")
    assert (health.status_code, kept.read_bytes(), listed.json()["results"]) == (503, damaged, [])
    [problem] = health.json()["problems"]
    assert kept.name in problem
    assert ".recover" in problem
