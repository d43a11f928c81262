"""Colours have a meaning, and can be read: on a terminal, on light and on dark paper."""

import re

import pytest

from usertrack.core.document import Change, Document, Field, Listing, Tag
from usertrack.core.table import Column, Table
from usertrack.render import html, palette

from . import documents

SCHEMES = html.stylesheet().split("@media screen and (prefers-color-scheme")[:2]
LIGHT, DARK = (dict(re.findall(r"--([\w-]+): (#\w{6})", scheme)) for scheme in SCHEMES)
READ = ["ink", "quiet", "link", "good", "bad", "warning"]
DRAWN = ["bar", *(f"series-{n}" for n in (2, 3, 4)), *(f"segment-{n}" for n in range(1, 9))]


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(foreground: str, background: str) -> float:
    dark, light = sorted((luminance(foreground), luminance(background)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_colour_of_a_page_can_be_read_in_both_schemes(scheme: dict[str, str]) -> None:
    assert dict.fromkeys(READ, True) == {
        name: min(contrast(scheme[name], scheme[paper]) for paper in ("paper", "track")) > 4.5 for name in READ
    }
    assert [name for name in DRAWN if contrast(scheme[name], scheme["paper"]) < 4.5] == []


@pytest.mark.parametrize("colour", [*palette.COLOURS.values(), palette.DATA])
def test_colours_of_a_terminal_read_on_black_and_on_white(colour: str) -> None:
    assert min(contrast(colour, "#000000"), contrast(colour, "#ffffff")) > 4.5


def test_a_segment_has_the_colour_of_its_place_however_it_is_written() -> None:
    page = "".join(html.render(documents.segments()))
    names = re.findall(r'<bdi class="tag segment-3">(.*?)</bdi>', page)
    assert names == ["High-Intent Prospects", "high_intent"]


def test_red_is_for_bad_alone() -> None:
    changes = [(Change("+3 %", good=False), "failed"), (Change("+3 %", good=True), "ok"), (Change("+3 %"), "failing")]
    table = Table((Column("change"), Column("outcome")), changes)
    fields = {"change": Field(kind="change"), "outcome": Field(kind="tag")}
    page = html.body(Document("t", (Listing(table, fields=fields),)))
    tones = re.findall(r'<bdi(?: class="(.*?)")?>', page)
    assert tones == ["bad", "tag bad", "good", "tag good", "", "tag"]


def test_places_after_the_last_colour_have_none() -> None:
    assert [palette.of_tag(Tag("x", place)) for place in (0, 7, 8)] == ["segment-1", "segment-8", ""]
