"""`usertrack plan docs`: the plan as people read it."""

import json
import re
from pathlib import Path

import pytest

from usertrack.coverage.catalogue import catalogue_document
from usertrack.coverage.numbers import cover
from usertrack.plan.scan.site import CallSite, Scan
from usertrack.render import pages
from usertrack.render.safe import url

from ..conftest import Cli
from .conftest import FOLDER, written


@pytest.mark.slow
def test_markdown_leads_from_the_overview_to_the_event_and_to_its_code(plan_of_demo: Cli) -> None:
    page = plan_of_demo("docs", "-f", "markdown").out
    assert (
        "| [run_completed](<#run_completed>) | working | 4 056 | 4 min ago | A workflow ended, well or badly. |" in page
    )
    assert "### run_completed\n\nA workflow ended, well or badly.\n\n- state: working\n" in page
    assert "- last seen: 2026-11-20 08:" in page
    assert re.search(r"\n30 days [▁▂▃▄▅▆▇█]{30} 135\.2 a day\n", page)
    assert "| duration_ms | required | integer | 100 % | · |" in page
    assert "| [app/runs.py:40](<app/runs.py#L40>) | track → posthog.capture |" in page
    assert page.index("## Tier 1 · Critical") < page.index("## Tier 2 · Engagement") < page.index("## Not in the plan")


def test_html_links_to_where_the_code_is(plan_of_demo: Cli) -> None:
    page = plan_of_demo("docs", "-f", "html", "--link", "https://git.example/acme/app").out
    assert '<h3 id="run_completed">run_completed</h3>' in page
    assert '<a href="https://git.example/acme/app/app/runs.py#L7"><bdi>app/runs.py:7</bdi></a>' in page


def test_json_has_each_event_in_the_order_of_the_plan(plan_of_demo: Cli) -> None:
    events = json.loads(plan_of_demo("docs", "-f", "json").out)["events"]
    assert [event["event"] for event in events][:3] == ["user_signed_up", "onboarding_completed", "run_completed"]
    assert events[2]["properties"][0] == {"name": "duration_ms", "required": True, "rate": 1.0}


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    plan = written(tmp_path, "events: {'<b>[x](y)|`': {description: '<script>alert(1)</script>'}}")
    site = CallSite("<b>[x](y)|`", None, "javascript:alert(1)/<a> b.py", 1, "capture")
    document = catalogue_document(cover(plan, Scan([site], [], 1, 0.0), None))
    html, markdown = (pages.text(document, fmt) for fmt in ("html", "markdown"))
    assert "<script>alert" not in html
    assert "<b>" not in html
    assert 'href="javascript%3Aalert%281%29/%3Ca%3E%20b.py#L1"' in html
    assert r"[\<b\>\[x\](y)\|\`](<#bxy>)" in markdown


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://a.example/b?c=d&e#f", "https://a.example/b?c=d&e#f"),
        ("src/a b>.py#L1", "src/a%20b%3E.py#L1"),
        ("javascript:alert(1)", ""),
        ("JavaScript:alert(1)", ""),
        ("java\nscript:alert(1)", "java%0Ascript:alert(1)"),
        ("//evil.example/x", ""),
        ("data:text/html,x", ""),
        ("http://[", ""),
    ],
)
def test_addresses_of_links(text: str, address: str) -> None:
    assert url(text) == address


def test_a_link_that_is_no_web_page(cli: Cli) -> None:
    answer = cli("plan", "docs", "--plan", FOLDER / "tracking.yaml", "--link", "javascript:alert(1)//")
    assert answer.code == 2
    assert "is no address of a web page" in answer.err


@pytest.mark.parametrize(
    ("output", "code", "href"),
    [
        ("d.html", "app", "app/a.py"),
        ("doc/x.html", "app", "../app/a.py"),
        ("d.html", "../shop", "../shop/a.py"),
        ("doc/x.html", "../shop", "../../shop/a.py"),
    ],
)
def test_links_lead_from_the_page_to_the_code(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, code: str, href: str
) -> None:
    for folder in ("here/app", "here/doc", "shop"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    Path(code, "a.py").write_text('import posthog\nposthog.capture("u", "a_sent")\n')
    Path("tracking.yaml").write_text("events: {a_sent: {}}\n")
    assert cli("plan", "docs", code, "-o", output).code == 0
    assert f'href="{href}#L2"' in Path(output).read_text()
