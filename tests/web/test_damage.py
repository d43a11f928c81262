"""A store that lost events: every page says so once, at its top."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

from pathlib import Path

from tests.server.capture_fixtures import AppThread, shared_store, store  # noqa: F401
from tests.web.conftest import Browser
from tests.web.live_site import FILES
from usertrack.server.database.store import Store
from usertrack.web.access import Access
from usertrack.web.app import create_app
from usertrack.workspace.settings import load_settings

WARNING = "numbers may be too low, since the store is damaged"


def test_every_page_warns_once_at_its_top(store: Store, tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    store.log.compare({"2026-11-01": 3})
    store.reconcile()
    with AppThread(store) as server:
        env = {"POSTHOG_HOST": server.url, "POSTHOG_PROJECT_ID": "1", "POSTHOG_PERSONAL_API_KEY": "phx_test"}
        access = Access(b"key", frozenset({"localhost"}), 8766)
        browser = Browser(create_app(load_settings(workspace=tmp_path, env=env), access), access)
        browser.enter()
        pages = {path: browser.get(path).text for path in ("/segments", "/alerts", "/queries", "/live", "/leave")}
    for path, page in pages.items():
        assert page.count(WARNING) == 1, path
        assert page.count('<section slot="damage"') == 1, path
    assert pages["/alerts"].index(WARNING) < pages["/alerts"].index('id="alerts"')
