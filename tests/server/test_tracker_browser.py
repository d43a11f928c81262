"""usertrack.js in a real Chromium, before a real server: what people do arrives, once, and no more than it may."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

from typing import Any

import pytest
from browser import Site, arrived, chromium, events, flush, names, served, shared_store, site  # noqa: F401
from capture_fixtures import Client

pytestmark = pytest.mark.slow


def test_a_visit_arrives_under_a_strict_policy(chromium: Any, site: Site, served: Client) -> None:
    problems: list[str] = []
    page = chromium.new_page()
    page.on("console", lambda message: problems.append(message.text))
    site.put("<button id=save>Save 3 files of ann@x.example</button>", "/u/4711")
    page.goto(site.url + "/u/4711?token=secret#top")
    page.click("#save")
    page.evaluate("usertrack.track('exported', {rows: 3})")
    flush(page)
    arrived(served, lambda names: "exported" in names)
    (_, view), (_, click), (_, exported) = events(served)
    assert names(served) == ["$pageview", "$autocapture", "exported"]
    assert (view["$pathname"], view["$current_url"]) == ("/u/:id", f"{site.url}/u/:id")
    assert (click["selector"], click["$el_text"]) == ("button#save", "Save * files of *")
    assert exported["rows"] == 3
    assert "secret" not in str(events(served))
    assert problems == []
    assert page.context.cookies() == []
    page.close()
