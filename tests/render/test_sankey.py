"""Flows in HTML: what is in them, that nothing runs or is fetched, and that they can be read without seeing them."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from rich.cells import cell_len

from usertrack.core.document import Document, Flow, Stop
from usertrack.render import html, markdown, safe, sankey
from usertrack.render.links import Links

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
    assert root[0].text == "Visits"
    assert root[1].text == (
        "step 1: / 100 sessions · 30 % left, (all others) 20 sessions; "
        "step 2: /pricing 60 sessions · 100 % left, /docs 30 sessions · 100 % left"
    )
    titles = [part.text for part in root.iter() if part.tag.endswith("}title")]
    assert {"/ → /pricing: 50 sessions", "/: 100 sessions · 30 % left"} <= set(titles)
    texts = [part.text for part in root.iter() if part.tag.endswith("}text")]
    assert texts[:4] == ["Step 1", "120 sessions", "/", "100 · 30 % left"]
    assert texts[6:8] == ["Step 2", "90 sessions · 75 %"]


def test_it_has_no_script_style_or_address_and_is_the_same_again() -> None:
    drawn = sankey.draw(VISITS)
    assert not re.search(r"<script|<style|<!--| style=|\bhref|url\(| id=| on\w+=", drawn)
    assert re.findall(r"https?://[^\"]+", drawn) == ["http://www.w3.org/2000/svg"]
    assert drawn == sankey.draw(VISITS)


def sizes(flow: Flow, kind: str, name: str) -> list[float]:
    return [float(part.get(name, 0)) for part in tree(flow).iter() if part.get("class", "").startswith(kind)]


def test_links_are_as_wide_as_what_goes_there() -> None:
    widths, heights = sizes(VISITS, "link", "stroke-width"), sizes(VISITS, "level", "height")
    # links of others are drawn first, below the rest
    assert widths[2:] == pytest.approx([heights[0] * 5 / 7, heights[0] * 2 / 7], abs=0.1)
    assert widths[0] + widths[2] == pytest.approx(heights[2], abs=0.1)


def test_whoever_ends_at_the_first_step_is_written_not_drawn() -> None:
    many = Flow("x", [[Stop("/", 10_000, 9_990)], [Stop("/docs", 10, 5)]], [(0, 0, 0, 10)])
    assert len(set(sizes(many, "level", "height"))) == 1
    assert sizes(many, "foot", "width") == [pytest.approx(161.8, abs=0.1), 81]
    assert len([part for part in tree(many).iter() if part.get("class") == "gone"]) == 1


def test_no_name_is_wider_than_its_card() -> None:
    names = ("/" + "長" * 60, "/" + "w" * 60, "/app/\u202e" + "x" * 60)
    drawn = tree(Flow("x", [[Stop(name, 1) for name in names]], []))
    texts = [part.text or "" for part in drawn.iter() if part.get("class") == "name"]
    assert all(cell_len(name) <= 21 and "…" in name for name in texts)


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
        "desc",
    }
    assert drawn == safe.visible(drawn)
    page = "".join(html.render(Document(title="x", blocks=(flow,))))
    assert page.count("<script") == 1


def test_markdown_leaves_it_to_the_table() -> None:
    assert "".join(markdown.render(Document(title="x", blocks=(VISITS,)))) == "# x\n"


@pytest.mark.parametrize(("columns", "width"), [(1, "182"), (2, "426")])
def test_its_text_is_no_larger_where_there_are_few_columns(columns: int, width: str) -> None:
    flow = Flow("x", VISITS.columns[:columns], VISITS.links if columns > 1 else [])
    assert tree(flow).get("width") == width
    assert ".chart.flow { width: auto;" in html.stylesheet()


class WhoTook(Links):
    def path(self, step: int, source: str, target: str) -> str:
        return f"/activity/path?step={step}&from={source}&to={target}"


def test_a_link_leads_to_those_who_took_it() -> None:
    root = ET.fromstring(sankey.draw(VISITS, WhoTook()))
    links = [part for part in root if part.tag.endswith("}a")]
    assert root.get("role") == "group"
    assert [link.get("aria-label") for link in links] == ["/ → /pricing: 50 sessions", "/ → /docs: 20 sessions"]
    assert links[0].get("href") == "/activity/path?step=1&from=/&to=/pricing"
    assert links[0][0].get("data-path") == '[1, "/", "/pricing"]'
