"""Gives the templates of pages a document's blocks: texts, tables and drawings, as their reader sees them."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from math import ceil
from pathlib import Path
from typing import Any

from usertrack.core.document import Block, Chart, Flow, Heatmap, Listing, Origin, Section
from usertrack.core.words import plural, shortened
from usertrack.render import cells, figures, outline, safe, sparkline
from usertrack.render.cells import Cell, Clock, View
from usertrack.render.links import NOWHERE, Links
from usertrack.render.outline import OutlineItem
from usertrack.render.safe import visible

_LONG = 5  # headings from which on a page has contents
_SHADES = 10  # that the style sheet has
_SHORT = 160  # characters of a parameter


@dataclass(frozen=True)
class Reader:
    """A reader's timezone, the rows that they asked for, and the addresses of the page that they read.

    ``limit`` is the user's, if there is one. Headings begin at level ``top``, and ids with ``prefix``.
    """

    clock: Clock
    limit: int | None = None
    links: Links = NOWHERE
    top: int = 2
    prefix: str = ""

    def parts(self, blocks: Sequence[Block]) -> list[OutlineItem]:
        return outline.parts(blocks, self.top, self.prefix)

    def contents(self, blocks: Sequence[Block]) -> list[OutlineItem]:
        """The headings of the highest level; none on a page that is short."""
        heads = [part for part in self.parts(blocks) if part.kind in ("heading", "fold") and part.level == self.top]
        return heads if len(heads) >= _LONG else []

    def fact(self, value: Any) -> str:
        return cells.fact(value, self.clock)

    def lines(self, text: str) -> list[str]:
        return [visible(line) for line in text.rstrip().expandtabs(4).split("\n")]

    def listing(self, block: Listing) -> dict[str, Any]:
        rows, left_out = cells.rows(block, self.limit)
        views = cells.views(block)
        if block.fields:  # rows of a query have its own names
            views = [replace(view, name=_words(view.name), label=_words(view.label)) for view in views]
        rest = cells.rest(block, left_out, takes_options=self.links.takes_options)
        return {"views": views, "rows": rows, "rest": rest}

    def numbers(self, block: Chart | Flow) -> dict[str, Any]:
        """The numbers of a drawing as a listing."""
        return self.listing(figures.numbers(block) if isinstance(block, Chart) else figures.flow_numbers(block))

    def address(self, cell: Cell) -> str:
        """Return the address that a cell leads to, empty for none."""
        known = self.links.person(cell.person) if cell.person else self.links.segment(cell.segment)
        return cell.url or (safe.url(known) if cell.person or cell.segment else "")

    def heatmap(self, block: Heatmap) -> tuple[Heatmap, str]:
        return cells.heatmap(block, self.limit, takes_options=self.links.takes_options)

    def grid(self, block: Heatmap) -> list[list[Cell]]:
        return figures.grid(block)

    def legend(self, block: Heatmap) -> Iterator[tuple[int, str]]:
        """Each shade of a heatmap with steps: its level, and from which value on it is used."""
        bands = block.bands or ("",) * (len(block.steps) + 1)
        yield 0, bands[0] or f"up to {cells.percent(block.steps[0], 0)}"
        for at, (step, band) in enumerate(zip(block.steps, bands[1:], strict=True)):
            words = f"{band} above {cells.percent(step, 0)}".strip()
            yield _level((at + 0.5) / len(block.steps)), words

    def series(self, block: Chart, name: str) -> str:
        from usertrack.render import svg

        return svg.series_class(block, name)

    def chart(self, block: Chart) -> Any:
        from markupsafe import Markup

        from usertrack.render import svg

        return Markup(svg.draw(block))

    def flow(self, block: Flow) -> Any:
        from markupsafe import Markup

        from usertrack.render import sankey

        return Markup(sankey.draw(block, self.links))

    def spark(self, values: Sequence[float | None]) -> Any:
        from markupsafe import Markup

        return Markup(sparkline.draw(values))

    def origins_summary(self, section: Section) -> str:
        return f"from {plural(len(cells.queries(section)), 'query', 'queries')}"

    def origin(self, origin: Origin) -> str:
        """``days 30 · as of 2026-11-22 09:00``."""
        params = (f"{name} {shortened(cells.fact(value, self.clock), _SHORT)}" for name, value in origin.params.items())
        return visible(" · ".join(chain(params, [f"as of {self.clock.exact(origin.as_of)}"])))

    @property
    def script(self) -> Any:
        from markupsafe import Markup

        return Markup(asset("page.js"))

    @property
    def script_hash(self) -> str:
        """By which a policy allows the script and no other."""
        return "sha256-" + base64.b64encode(hashlib.sha256(asset("page.js").encode()).digest()).decode()


@cache
def asset(name: str) -> str:
    """A file of the templates' folder."""
    return (Path(__file__).parent / "templates" / name).read_text()


def _words(name: str) -> str:
    """The name of a column as the heading of one: ``adoption_band`` is Adoption band."""
    return name[:1].upper() + name[1:].replace("_", " ")


def _level(share: float | None) -> int:
    """The shade of a share 0…1 of the darkest one; 0 is none."""
    return min(_SHADES, ceil(share * _SHADES)) if share else 0


def _bar(share: float) -> Any:
    """A bar as a drawing, which no policy of a page forbids as it does a style."""
    from markupsafe import Markup

    box = 'class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true"'
    return Markup(f'<svg {box}><path d="M0 0h{share * 100:.1f}v1H0z"/></svg>')


def _classes(view: View) -> Any:
    """The class attribute of a column's cells."""
    from markupsafe import Markup

    wraps = view.wraps and view.kind != "tag" and not view.grows
    names = [
        *(["right"] if view.right and view.kind != "bar" else []),
        *(["wraps"] if wraps else []),
        *(["grows"] if view.grows else []),
    ]
    return Markup(f' class="{" ".join(names)}"' if names else "")


FILTERS: dict[str, Any] = {"level": lambda cell: _level(cell.bar), "bar": _bar, "classes": _classes}
