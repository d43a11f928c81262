"""Rage and dead clicks, on pages where people click fast with good reason, and on pages where they click in vain."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

from pathlib import Path
from typing import Any

import pytest
from browser import Site, chromium, served, shared_store, site  # noqa: F401
from click_judges import judged, our_page, posthog_js, posthog_page
from click_pages import PAGES

pytestmark = pytest.mark.slow
MISSED = [
    "rage: a button that spins for long",
    "dead: a dead button beside a clock",
    "rage: a checkbox that goes back by itself",
    "rage: each click shows that it failed",
]


def test_none_is_called_rage_or_dead_that_is_not(chromium: Any, site: Site) -> None:
    verdicts = judged(chromium, site, PAGES, our_page)
    assert verdicts.false == []
    assert set(verdicts.missed) <= set(MISSED)


def test_posthog_js_calls_more_so_on_the_same_pages(chromium: Any, site: Site, tmp_path: Path) -> None:
    try:
        site.scripts["/posthog.js"] = posthog_js(tmp_path)
    except OSError as reason:
        pytest.skip(str(reason))
    verdicts = judged(chromium, site, PAGES[:12], posthog_page())
    assert verdicts.of("rage")[0] >= 5
