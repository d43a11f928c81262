"""Charts in HTML: what is in them, that nothing runs or is fetched, and that they can be read without seeing them."""

import re
import xml.etree.ElementTree as ET
from datetime import date

import pytest
from hypothesis import given, settings

from usertrack.core.document import Chart, Document
from usertrack.render import html, safe, svg

from .test_hostile import hostile

DAYS = [date(2026, 11, day) for day in (9, 10, 11)]
VISITS = Chart("trend", "Visits", DAYS, {"now": [3, None, 1200], "before": [1, 2, 3]})


def tree(chart: Chart) -> ET.Element:
    return ET.fromstring(svg.draw(chart))


def texts(root: ET.Element) -> list[str]:
    return [part.text or "" for part in root.iter() if part.tag.endswith("text")]


def test_every_value_is_said_in_words() -> None:
    root = tree(VISITS)
    assert root.get("role") == "img"
    assert [part.text for part in root[:2]] == [
        "Visits",
        ("now: Mon 9 Nov 3, Tue 10 Nov not known, Wed 11 Nov 1 200; before: Mon 9 Nov 1, Tue 10 Nov 2, Wed 11 Nov 3"),
    ]
    _, *titles = [part.text for part in root.iter() if part.tag.endswith("}title")]
    assert titles == ["Mon 9 Nov: 3", "Wed 11 Nov: 1 200", "Mon 9 Nov: 1", "Tue 10 Nov: 2", "Wed 11 Nov: 3"]
    assert "Mon 9 Nov" in texts(root)


def test_it_has_no_script_style_or_address_and_is_the_same_again() -> None:
    drawn = svg.draw(VISITS)
    assert not re.search(r"<script|<style|<!--| style=|\bhref|url\(| id=| on\w+=", drawn)
    assert re.findall(r"https?://[^\"]+", drawn) == ["http://www.w3.org/2000/svg"]
    assert drawn == svg.draw(VISITS)


def test_bars_are_in_order_and_in_percent() -> None:
    root = tree(Chart("bars", "Share", ["a", "b"], {"share": [0.25, 1.0]}, unit="percent"))
    assert root[1].text == "share: a 25 %, b 100 %"
    assert [text for text in texts(root) if text in ("a", "b")] == ["b", "a"]  # drawn from the bottom up


@pytest.mark.parametrize("values", [[], [None], [0], [None, None]])
def test_nothing_to_draw_is_no_failure(values: list[float | None]) -> None:
    assert tree(Chart("trend", "x", DAYS[: len(values)], {"s": values})) is not None


@settings(max_examples=40, deadline=None)
@given(text=hostile)
def test_whatever_a_stranger_writes_is_text(text: str) -> None:
    chart = Chart("bars", text, [text, "b"], {text or "x": [1, 2], "y": [3, 4]}, unit=text, caption=text)
    root = tree(chart)
    assert safe.visible(text) == (root[0].text or "")
    page = "".join(html.render(Document("t", (chart,))))
    assert page.count("<svg") == page.count("</svg>") == 1
    assert page.count("<script") == 1
