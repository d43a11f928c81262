"""Flows in HTML: what is in them, that nothing runs or is fetched, and that they can be read without seeing them."""

import re
import xml.etree.ElementTree as ET

from hypothesis import given, settings

from usertrack.document import Document, Flow, Stop
from usertrack.render import html, markdown, safe, sankey

from .test_hostile import hostile

VISITS = Flow(
    "Visits",
    [[Stop("/", 100, 30), Stop("(all others)", 20, other=True)], [Stop("/pricing", 60, 60), Stop("/docs", 30, 30)]],
    [(0, 0, 0, 50), (0, 0, 1, 20), (0, 1, 0, 10), (0, 1, 1, 10)],
    "sessions",
)


def tree(flow: Flow) -> ET.Element:
    return ET.fromstring(sankey.draw(flow))


def test_every_place_is_said_in_words() -> None:
    root = tree(VISITS)
    assert root.get("role") == "img"
    assert root.get("aria-label") == (
        "Visits. step 1: / 100 sessions · 30 % left, (all others) 20 sessions; "
        "step 2: /pricing 60 sessions · 100 % left, /docs 30 sessions · 100 % left"
    )
    titles = [part.text for part in root.iter() if part.tag.endswith("}title")]
    assert titles[:2] == ["/ → /pricing: 50 sessions", "/ → /docs: 20 sessions"]
    texts = [part.text for part in root.iter() if part.tag.endswith("}text")]
    assert texts[:2] == ["/", "100 · 30 % left"]


def test_it_has_no_script_style_or_address_and_is_the_same_again() -> None:
    drawn = sankey.draw(VISITS)
    assert not re.search(r"<script|<style|<!--|\bhref|url\(| id=| on\w+=", drawn)
    assert re.findall(r"https?://[^\"]+", drawn) == ["http://www.w3.org/2000/svg"]
    assert drawn == sankey.draw(VISITS)


def test_links_are_as_wide_as_what_goes_there() -> None:
    widths = [float(p.get("stroke-width", 0)) for p in tree(VISITS).iter() if p.get("class", "").startswith("link")]
    heights = [float(p.get("height", 0)) for p in tree(VISITS).iter() if p.get("class", "").startswith("stop")]
    assert sum(widths[:2]) == heights[0] * 70 / 100
    assert widths[0] + widths[2] == heights[2]


def test_nothing_to_draw_is_no_failure() -> None:
    assert tree(Flow("x", [], [])) is not None
    assert tree(Flow("x", [[Stop("a", 0)]], [])) is not None


@settings(max_examples=40, deadline=None)
@given(text=hostile)
def test_whatever_a_stranger_writes_is_text(text: str) -> None:
    flow = Flow(text, [[Stop(text, 2)], [Stop(text, 2, 2)]], [(0, 0, 0, 2)], text)
    drawn = sankey.draw(flow)
    assert {part.tag.partition("}")[2] for part in ET.fromstring(drawn).iter()} <= {
        "svg",
        "g",
        "path",
        "rect",
        "text",
        "title",
    }
    assert drawn == safe.visible(drawn)
    page = "".join(html.render(Document(title="x", blocks=(flow,))))
    assert "<script" not in page


def test_markdown_leaves_it_to_the_table() -> None:
    assert "".join(markdown.render(Document(title="x", blocks=(VISITS,)))) == "# x\n"
