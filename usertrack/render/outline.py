"""The order in which a page shows a document: its blocks one after another, with the headings that are above them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count

from usertrack.core.document import Block, Heatmap, Listing, Section
from usertrack.render.safe import visible

_DEEPEST = 6
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Part:
    """A block, a heading, or the origins of a section.

    ``kind``: the block's class in lower case, ``heading`` or ``origins``. A heading has its ``level`` and ``anchor``;
    of anything else they are 0 and empty.
    """

    kind: str
    block: Block
    level: int = 0
    anchor: str = ""


def parts(blocks: Sequence[Block], top: int = 2, prefix: str = "") -> list[Part]:
    """``blocks`` and those of their sections in order; headings begin at level ``top`` and leave out no level.

    Every heading has an anchor of its own, its section's or one made of its words, after ``prefix``.
    """
    taken = {prefix + section.anchor for section in _sections(blocks) if section.anchor}
    return list(_parts(blocks, top, prefix, taken))


def _sections(blocks: Sequence[Block]) -> Iterator[Section]:
    for block in blocks:
        if isinstance(block, Section):
            yield block
            yield from _sections(block.blocks)


def _parts(blocks: Sequence[Block], level: int, prefix: str, taken: set[str]) -> Iterator[Part]:
    for block in blocks:
        heading = block.heading if isinstance(block, Section | Listing | Heatmap) else ""
        if heading:
            own = block.anchor if isinstance(block, Section) else ""
            anchor = prefix + own if own else _anchor(prefix + _slug(heading), taken)
            yield Part("heading", block, min(level, _DEEPEST), anchor)
        if not isinstance(block, Section):
            yield Part(type(block).__name__.lower(), block)
            continue
        yield from _parts(block.blocks, level + bool(heading), prefix, taken)
        if block.origins:
            yield Part("origins", block)


def _slug(heading: str) -> str:
    return "-".join(_WORD.findall(visible(heading).casefold())) or "section"


def _anchor(slug: str, taken: set[str]) -> str:
    """``slug``, numbered where another heading has it."""
    numbered = (f"{slug}-{number}" for number in count(2))
    anchor = next(name for name in chain([slug], numbered) if name not in taken)
    taken.add(anchor)
    return anchor
