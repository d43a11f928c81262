"""The script for browsers: what is served, that it is small, and that it is built from its source."""

import gzip
import re

import httpx
import pytest
from capture_fixtures import Client, client, shared_store, store  # noqa: F401

from scripts import tracker


@pytest.mark.parametrize("path", ["/usertrack.js", "/tippen-app-tracker.js"])
def test_a_page_gets_the_script_under_a_name_that_may_be_kept(client: Client, path: str) -> None:  # noqa: F811
    to = client.http.get(path)
    assert (to.status_code, to.headers["cache-control"]) == (302, "public, max-age=300")
    assert re.fullmatch(r"/static/usertrack\.[0-9a-f]{16}\.js", to.headers["location"])
    script = client.http.get(to.headers["location"])
    assert script.content == tracker.BUILT.read_bytes()
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert script.headers["access-control-allow-origin"] == "*"


def test_a_former_name_leads_to_the_script_of_today_and_other_names_to_nothing(client: Client) -> None:  # noqa: F811
    assert client.http.get("/static/usertrack.0123456789abcdef.js").status_code == 302
    assert client.http.get("/static/usertrack.js.map").status_code == 404


def test_it_is_five_kilobytes_at_most() -> None:
    assert len(gzip.compress(tracker.BUILT.read_bytes(), 9)) <= 5120


def test_it_was_built_from_its_source() -> None:
    assert tracker.BUILT.read_bytes().endswith(tracker.mark()), (
        "usertrack.min.js is stale: run `python scripts/tracker.py`"
    )


@pytest.mark.slow
def test_npm_s_tools_make_the_same_of_the_source() -> None:
    try:
        built = tracker.built()
    except OSError as reason:
        pytest.skip(str(reason))
    assert built == tracker.BUILT.read_bytes()


def test_it_evaluates_no_text() -> None:
    script = tracker.BUILT.read_text()
    assert not re.search(r"\beval\b|\bFunction\(|\.innerHTML *=|document\.write|document\.cookie", script)


def test_a_browser_of_another_site_may_send_text_without_asking(client: Client) -> None:  # noqa: F811
    body = '{"api_key":"phc_test","batch":[{"event":"seen","distinct_id":"ann"}]}'
    headers = {"Origin": "https://app.example", "Content-Type": "text/plain;charset=UTF-8"}
    answer: httpx.Response = client.http.post("/batch/", content=body, headers=headers)
    assert answer.json() == {"status": 1}
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert client.rows("SELECT event FROM posthog.events") == [["seen"]]
