"""A Markdown file as headings, tables, lists and paragraphs, each with its line."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from usertrack.core.errors import UsageError

if TYPE_CHECKING:
    from markdown_it.token import Token

_CODE_IN_ROW = re.compile(r"(`+)(?:(?!\1).)+\1")
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class MarkdownCell:
    """Text without its marks, and the texts of its code spans. What is struck through is in ``struck`` alone.

    ``marked`` is the text with its code in backticks.
    """

    text: str
    codes: Sequence[str] = ()
    marked: str = ""
    struck: Sequence[str] = ()


@dataclass(frozen=True)
class MarkdownSection:
    """A heading with what stands below it: tables, lists and paragraphs up to the next heading.

    ``above`` are the headings that it stands under. A list is under the paragraph before it, its ``label``.
    """

    heading: str
    level: int
    line: int
    above: Sequence[str] = ()
    tables: "list[TableOfCells]" = field(default_factory=list)
    lists: "list[ListOfItems]" = field(default_factory=list)
    paragraphs: "list[str]" = field(default_factory=list)
    examples: "list[Example]" = field(default_factory=list)


@dataclass(frozen=True)
class Example:
    """A block of code, and its ``language`` as the file has it (`javascript`, `py`)."""

    language: str
    text: str


@dataclass(frozen=True)
class TableOfCells:
    header: Sequence[str]
    rows: Sequence[Sequence[MarkdownCell]]
    line: int


@dataclass(frozen=True)
class ListOfItems:
    label: str
    items: Sequence[MarkdownCell]
    line: int


def read_markdown(path: Path) -> list[MarkdownSection]:
    """The parts of the file. Raises UsageError where it cannot be read; what is not UTF-8 is read as Latin-1."""
    from markdown_it import MarkdownIt

    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}", "name a Markdown file") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    lines = [_with_pipes_in_code(line) for line in text.splitlines()]
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse("\n".join(lines))
    parts = [MarkdownSection("", 0, 1)]
    at = 0
    while at < len(tokens):
        token = tokens[at]
        line = (token.map or [0])[0] + 1
        if token.type == "heading_open":
            above = [part.heading for part in _enclosing(parts, int(token.tag[1:]))]
            parts.append(MarkdownSection(_cell(tokens[at + 1]).text, int(token.tag[1:]), line, above))
        elif token.type == "table_open":
            end = _closing(tokens, at)
            rows: list[list[MarkdownCell]] = []
            for inner in tokens[at:end]:
                if inner.type == "tr_open":
                    rows.append([])
                elif inner.type == "inline" and rows:
                    rows[-1].append(_cell(inner))
            header = [cell.text.casefold() for cell in rows[0]] if rows else []
            parts[-1].tables.append(TableOfCells(header, rows[1:], line))
            at = end
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            end = _closing(tokens, at)
            label = parts[-1].paragraphs[-1] if parts[-1].paragraphs else ""
            items = [_cell(token) for token in tokens[at:end] if token.type == "inline"]
            parts[-1].lists.append(ListOfItems(label, items, line))
            at = end
        elif token.type == "fence":
            parts[-1].examples.append(Example((token.info.split() or [""])[0].casefold(), token.content))
        elif token.type == "inline":
            parts[-1].paragraphs.append(_cell(token).text)
        at += 1
    return parts


def _with_pipes_in_code(line: str) -> str:
    """A row of a table whose pipes in code are escaped: by the letter, they would end the cell."""
    if not line.lstrip().startswith("|"):
        return line
    return _CODE_IN_ROW.sub(lambda match: re.sub(r"(?<!\\)\|", r"\\|", match[0]), line)


def _enclosing(parts: Sequence[MarkdownSection], level: int) -> list[MarkdownSection]:
    """The last headings of each level above ``level``, the outermost first."""
    headings: list[MarkdownSection] = []
    for part in reversed(parts):
        if part.level < level and part.heading:
            headings.insert(0, part)
            level = part.level
    return headings


def _closing(tokens: "Sequence[Token]", at: int) -> int:
    kind = tokens[at].type.removesuffix("_open")
    depth = 0
    for number in range(at, len(tokens)):
        depth += (tokens[number].type == f"{kind}_open") - (tokens[number].type == f"{kind}_close")
        if depth == 0:
            return number
    return len(tokens)


def _cell(token: "Token") -> MarkdownCell:
    codes: list[str] = []
    text, marked, struck = "", "", [""]
    depth = 0
    for child in token.children or []:
        depth += (child.type == "s_open") - (child.type == "s_close")
        if child.type == "s_close":
            struck.append("")
        content = child.content if child.type in ("text", "code_inline") else " " * (child.type == "softbreak")
        if depth:
            struck[-1] += content
            continue
        text += content
        marked += f"`{content}`" if child.type == "code_inline" else content
        codes += [content] if child.type == "code_inline" else []
    return MarkdownCell(text.strip(), codes, marked.strip(), [name.strip() for name in struck if name.strip()])


def texts_without_code(cell: MarkdownCell) -> Iterator[str]:
    """Return what a list such as ``a`, `b`, feature toggles` has beside its code."""
    return (text.strip() for text in re.split(r"[,;/]", _CODE.sub("", cell.marked)) if text.strip())
