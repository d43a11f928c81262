"""The order in which a page shows a document: its blocks one after another, with the headings that are above them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count

from usertrack.core.document import Block, Heatmap, Listing, Section
from usertrack.render import palette
from usertrack.render.safe import visible

_DEEPEST = 6
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class OutlineItem:
    """A block, a heading, or the origins of a section.

    ``kind``: the block's class in lower case, ``heading``, ``origins``, or ``fold`` and ``unfold`` around what unfolds.
    ``level`` is that of a heading, else 0.
    ``anchor`` is the id of the heading, or of the one above; empty where there is none. ``tone`` is the colour
    of what a heading is about.
    """

    kind: str
    block: Block
    level: int = 0
    anchor: str = ""
    tone: str = ""


def parts(blocks: Sequence[Block], top: int = 2, prefix: str = "") -> list[OutlineItem]:
    """``blocks`` and those of their sections in order; headings begin at level ``top`` and leave out no level.

    Every heading has an anchor of its own, its section's or one made of its words, after ``prefix``.
    """
    anchors = {prefix + section.anchor for section in sections(blocks) if section.anchor}
    return list(_below(_parts(blocks, top, prefix, anchors)))


def sections(blocks: Sequence[Block]) -> Iterator[Section]:
    """Every section in ``blocks``, at any depth."""
    for block in blocks:
        if isinstance(block, Section):
            yield block
            yield from sections(block.blocks)


def _below(ordered: Iterator[OutlineItem]) -> Iterator[OutlineItem]:
    """Every part with the anchor of the heading above it."""
    anchor = ""
    for part in ordered:
        anchor = part.anchor or anchor
        yield replace(part, anchor=anchor)


def _parts(blocks: Sequence[Block], level: int, prefix: str, anchors: set[str]) -> Iterator[OutlineItem]:
    for block in blocks:
        heading = block.heading if isinstance(block, Section | Listing | Heatmap) else ""
        if heading:
            own, tag = (block.anchor, block.tag) if isinstance(block, Section) else ("", None)
            anchor = prefix + own if own else _anchor(prefix + _slug(heading), anchors)
            kind = "fold" if isinstance(block, Section) and block.folded else "heading"
            yield OutlineItem(kind, block, min(level, _DEEPEST), anchor, palette.of_tag(tag))
        if not isinstance(block, Section):
            yield OutlineItem(type(block).__name__.lower(), block)
            continue
        yield from _parts(block.blocks, level + bool(heading), prefix, anchors)
        if block.origins:
            yield OutlineItem("origins", block)
        if heading and block.folded:
            yield OutlineItem("unfold", block)


def _slug(heading: str) -> str:
    return "-".join(_WORD.findall(visible(heading).casefold())) or "section"


def _anchor(slug: str, anchors: set[str]) -> str:
    """``slug``, numbered where another heading has it."""
    numbered = (f"{slug}-{number}" for number in count(2))
    anchor = next(name for name in chain([slug], numbered) if name not in anchors)
    anchors.add(anchor)
    return anchor
