"""Whatever a stranger writes into a name, no output acts on it, and people can still read it."""

import csv
import io
import re
from html.parser import HTMLParser
from typing import Literal

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from openpyxl.utils.escape import unescape
from rich.cells import cell_len
from rich.console import Console

from usertrack.core.document import Code, Document, Facts, Field, Listing, Paragraph, Section, Spark
from usertrack.core.table import Column, Table
from usertrack.render import data, html, markdown, safe, terminal

NASTY = (
    "[/red]",
    "[bold]x[/bold]",
    "\x1b[31mred\x1b]8;;http://evil.example\x07link",
    "\u202eelpmaxe.live\u202c",
    "a\u200b\ufeff\u2066b",
    "\x9b31m",
    "=HYPERLINK(1)",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "|a|b|",
    "`code`",
    "# head",
    "1. one",
    "- a",
    "---",
    "[a](javascript:alert(1))",
    "![i](http://evil.example)",
    "http://evil.example www.evil.example",
    "<script>alert(1)</script>",
    "&lt;",
    "*a* _b_ __c__ ~~d~~",
    "two\nlines",
    "👩‍👧‍👦 שלום سلام",
    "\ud83d",
)
hostile = st.sampled_from(NASTY) | st.text(st.characters(codec=None), max_size=40)


def everywhere(text: str) -> Document:
    table = Table(
        (Column("who"), Column("n", "BIGINT"), Column("tag"), Column("why"), Column(f"c {text}")),
        [(text, 1, text, text, text), ("b", 2, None, "w", "x")],
    )
    fields = {"tag": Field(kind="tag"), "why": Field(grows=True)}
    return Document(
        title=f"t {text}",
        subtitle=text,
        notes=(text,),
        blocks=(
            Paragraph(text),
            Facts(((text, text),)),
            Spark(text, [1, 2], text),
            Code(text),
            Section(text, (Listing(table, heading=text, fields=fields, more=text),)),
        ),
        table=table,
    )


def on_terminal(document: Document, width: int, color: bool = False) -> str:  # noqa: FBT001
    system: Literal["truecolor"] | None = "truecolor" if color else None
    console = Console(file=io.StringIO(), width=width, force_terminal=color, color_system=system, highlight=False)
    terminal.render(document, console)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


@settings(max_examples=150, deadline=None)
@given(text=hostile, width=st.integers(40, 120))
def test_a_terminal_obeys_no_data_and_no_line_is_too_wide(text: str, width: int) -> None:
    printed = on_terminal(everywhere(text), width)
    assert safe.visible(printed.replace("\n", "")) == printed.replace("\n", "")
    code = {safe.visible(line).rstrip() for line in text.rstrip().expandtabs(4).split("\n")}
    assert all(cell_len(line) <= width for line in printed.split("\n") if line.removeprefix("  ") not in code)
    colored = on_terminal(everywhere(text), width, color=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == printed


@settings(max_examples=100, deadline=None)
@given(text=hostile)
def test_nothing_is_lost_where_there_is_room(text: str) -> None:
    printed = on_terminal(everywhere(text), 10_000)
    assert safe.visible(text).strip() in printed


@settings(max_examples=200, deadline=None)
@given(text=hostile)
@example("1) a")
def test_markdown_shows_the_text_itself(text: str) -> None:
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(safe.markdown(text))
    assert [token.type for token in tokens] in ([], ["paragraph_open", "inline", "paragraph_close"])
    inline = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in inline} <= {"text", "text_special", "html_inline"}
    assert {child.content for child in inline if child.type == "html_inline"} <= {"<!-- -->"}
    assert "".join(child.content for child in inline if child.type != "html_inline") == safe.visible(text).strip()


@settings(max_examples=200, deadline=None)
@given(text=hostile)
@example("``a`` `b` ` ` c")
def test_prose_in_markdown_has_code_and_no_other_markup(text: str) -> None:
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(safe.markdown_prose(text))
    assert [token.type for token in tokens] in ([], ["paragraph_open", "inline", "paragraph_close"])
    inline = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in inline} <= {"text", "text_special", "html_inline", "code_inline"}
    assert {child.content for child in inline if child.type == "html_inline"} <= {"<!-- -->"}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("see #12 and GH-3", "see #<!-- -->12 and GH-<!-- -->3"),
        ("@team, a@b.example", "@<!-- -->team, a@b.example"),
        ("p%{0}@hooli.example", "p%{0}@<!-- -->hooli.example"),
    ],
)
def test_github_links_no_issues_and_mentions_nobody(text: str, written: str) -> None:
    assert safe.markdown(text) == written


def test_prose_shows_code_as_code() -> None:
    document = Document(title="t", notes=("try `usertrack <x>` now",))
    assert "> note: try `usertrack <x>` now" in "".join(markdown.render(document))
    assert "try <code>usertrack &lt;x&gt;</code> now" in "".join(html.render(document))


@settings(max_examples=50, deadline=None)
@given(text=hostile)
def test_a_markdown_table_keeps_its_cells(text: str) -> None:
    page = "".join(markdown.render(everywhere(text)))
    tokens = MarkdownIt("commonmark").enable(["table"]).parse(page)
    assert sum(token.type == "td_open" for token in tokens) == 10
    assert not any(token.type in ("html_block", "hr", "lheading_open") for token in tokens)


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def parsed(document: Document) -> Page:
    page = Page()
    page.feed("".join(html.render(document)))
    page.close()
    return page


@settings(max_examples=50, deadline=None)
@given(text=hostile)
def test_what_unfolds_in_markdown_is_called_by_the_text_itself(text: str) -> None:
    markdown_text = "".join(markdown.render(Document("", (Section(text, (Paragraph("inside"),), folded=True),))))
    tokens = MarkdownIt("commonmark").parse(markdown_text)
    assert [token.type for token in tokens] == [
        *("html_block", "paragraph_open", "inline", "paragraph_close", "html_block")
    ]
    page = Page()
    page.feed(tokens[0].content)
    assert page.tags == ["details", "summary"]
    assert "".join(page.text).strip() == safe.visible(text).strip()


@settings(max_examples=50, deadline=None)
@given(text=hostile)
def test_html_shows_the_text_itself(text: str) -> None:
    page = parsed(everywhere(text))
    assert [tag for tag in page.tags if tag != "code"] == [
        tag for tag in parsed(everywhere("x")).tags if tag != "code"
    ] or not safe.visible(text).strip()
    assert page.text.count(safe.visible(text)) >= 5 or not text


@pytest.mark.parametrize("fmt", ["csv", "tsv"])
@settings(max_examples=100, deadline=None)
@given(text=hostile)
def test_a_spreadsheet_finds_no_formula_and_the_text_comes_back(fmt: str, text: str) -> None:
    stream = io.BytesIO()
    data.write(Table((Column("a"), Column("b")), [(text, text)]), fmt, stream)
    text = safe.utf8(text).decode()
    _, row = csv.reader(io.StringIO(stream.getvalue().decode(), newline=""), delimiter=",\t"[fmt == "tsv"])
    assert not any(safe.is_formula(cell) for cell in row)
    assert row == ["'" + text if safe.is_formula(text) else text] * 2


def test_numbers_are_no_formulas() -> None:
    stream = io.BytesIO()
    data.write(Table((Column("n", "BIGINT"), Column("x", "DOUBLE")), [(-1, -0.5)]), "csv", stream)
    assert stream.getvalue() == b"n,x\n-1,-0.5\n"


def test_a_workbook_holds_texts_exactly_and_none_is_a_formula() -> None:
    texts = [text for text in NASTY if safe.utf8(text).decode() == text]
    stream = io.BytesIO()
    data.write(Table((Column("=a"),), [(text,) for text in texts]), "xlsx", stream)
    cells = [row[0] for row in openpyxl.load_workbook(stream)["Data"].iter_rows()]
    assert [unescape(cell.value) for cell in cells] == ["=a", *texts]
    assert all(cell.data_type != "f" for cell in cells)
    assert {unescape(cell.value) for cell in cells if cell.quotePrefix} == {"=a", *filter(safe.is_formula, texts)}


def test_what_is_seen_of_the_invisible() -> None:
    assert safe.visible("\x1b[31m\u202ea\x9b\u200b") == "␛[31m\\u202ea\\x9b\\u200b"
    assert safe.visible("👩‍👧 שלום") == "👩‍👧 שלום"
