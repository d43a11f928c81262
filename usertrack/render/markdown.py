"""Documents as GitHub Markdown. Text of data is shown literally, never as markup."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from usertrack.core.document import (
    Block,
    Chart,
    Code,
    Document,
    Facts,
    Flow,
    Heatmap,
    Listing,
    Paragraph,
    Section,
    Spark,
)
from usertrack.core.words import plural
from usertrack.render import cells, charts, figures, templates
from usertrack.render.cells import Cell, Clock
from usertrack.render.safe import markdown as escape
from usertrack.render.safe import markdown_html as in_html
from usertrack.render.safe import markdown_prose as prose
from usertrack.render.safe import visible

_BAR = 10  # characters of a full bar: Markdown knows no width
_FENCE = re.compile(r"`{3,}")


def render(document: Document, limit: int | None = None) -> Iterator[str]:
    """``document`` as pieces of Markdown, with its notes; in the workspace's template where it has one."""
    clock = Clock(document.timezone, document.as_of)
    if document.templates and (document.templates / f"{document.layout}.md.j2").is_file():
        yield from _templated(document, document.templates, clock, limit)
        return
    if document.title:
        yield f"# {escape(document.title)}\n"
    if document.subtitle:
        yield f"\n{escape(document.subtitle)}\n"
    for block in document.blocks:
        yield from _block(block, clock, limit, 2)
    for note in document.notes:
        yield f"\n> note: {prose(note)}\n"


class _Ready(str):
    """Markdown that is not to be escaped again."""


def _templated(document: Document, folder: Path, clock: Clock, limit: int | None) -> Iterator[str]:
    """The page of a workspace's template, which gets ``title``, ``subtitle``, ``notes``, ``body`` and sections."""

    def text(blocks: Iterable[Block]) -> _Ready:
        return _Ready("".join(piece for block in blocks for piece in _block(block, clock, limit, 2)))

    sections = {block.heading: block for block in document.blocks if isinstance(block, Section)}

    def section(heading: str) -> _Ready:
        if heading not in sections:
            raise LookupError(f"there is no section '{heading}', but {', '.join(sections)}")
        return text([sections[heading]])

    page = templates.template(
        [f"{document.layout}.md.j2"],
        folder,
        autoescape=False,
        helpers={},
        finalize=lambda value: value if isinstance(value, _Ready) else escape(str(value)),
    )
    yield from templates.render_page(
        page,
        folder,
        title=document.title,
        subtitle=document.subtitle,
        notes=document.notes,
        body=text(document.blocks),
        sections=list(sections),
        section=section,
    )


def _block(block: Block, clock: Clock, limit: int | None, level: int) -> Iterator[str]:  # noqa: C901
    match block:
        case Paragraph():
            text = prose(block.text)
            yield f"\n**{text}**\n" if text and block.style in ("bold", "warning") else f"\n{text}\n"
        case Section():
            if block.folded:
                yield f"\n<details><summary>{in_html(block.heading)}</summary>\n"
            elif block.heading:
                yield f"\n{'#' * level} {escape(block.heading)}\n"
            for inner in block.blocks:
                yield from _block(inner, clock, limit, min(6, level + 1))
            if names := cells.queries(block):
                summary = f"from {plural(len(names), 'query', 'queries')}"
                yield f"<details><summary>{summary}</summary>{in_html(', '.join(names))}</details>\n"
            if block.folded:
                yield "</details>\n" if names else "\n</details>\n"
        case Code():
            # A fence longer than any in the text, so that the text cannot close it.
            fence = "`" * max([3, *(len(run) + 1 for run in _FENCE.findall(block.text))])
            lines = (visible(line) for line in block.text.rstrip().expandtabs(4).split("\n"))
            yield "\n".join(["", fence + visible(block.language), *lines, fence, ""])
        case Spark():
            chart = charts.spark(block.values).replace(" ", "\u2007")
            yield f"\n{escape(block.label)} {chart} {escape(block.caption)}".rstrip() + "\n"
        case Facts():
            yield "\n"
            for name, value in block.pairs:
                yield f"- {escape(name)}: {escape(cells.fact(value, clock))}\n"
        case Heatmap():
            heatmap, more = cells.heatmap(block, limit)
            yield f"\n{'#' * level} {escape(heatmap.heading)}\n" if heatmap.heading else ""
            yield "\n" + _row([escape(heatmap.corner), *map(escape, heatmap.columns)])
            yield _row(["---", *("---:" for _ in heatmap.columns)])
            for name, row in zip(heatmap.rows, figures.grid(heatmap), strict=True):
                yield _row([escape(name), *(escape(cell.text) for cell in row)])
            yield f"\n{prose(more)}\n" if more else ""
            yield f"\n{escape(heatmap.caption)}\n" if heatmap.caption else ""
        case Chart():
            yield from _listing(figures.as_listing(block), limit, level)
        case Listing():
            yield from _listing(block, limit, level)
        case Flow():
            pass


def _listing(block: Listing, limit: int | None, level: int) -> Iterator[str]:
    if block.heading:
        yield f"\n{'#' * level} {escape(block.heading)}\n"
    views = cells.views(block)
    rows, left_out = cells.rows(block, limit)
    yield "\n" + _row(escape(view.label) for view in views)
    yield _row("---:" if view.right else "---" for view in views)
    for row in rows:
        yield _row(_cell(view.cell(row)) for view in views)
    if last := cells.rest(block, left_out):
        yield f"\n{prose(last)}\n"


def _row(parts: Iterable[str]) -> str:
    return f"| {' | '.join(parts)} |\n"


def _cell(cell: Cell) -> str:
    if cell.url:
        return f"[{escape(cell.text)}](<{cell.url}>)"
    return f"{escape(cell.text)} {charts.bar(cell.bar, 1, _BAR)}".rstrip() if cell.bar else escape(cell.text)
