"""Golden files, compared as bytes. `USERTRACK_GOLDEN=write pytest tests/render/test_golden.py` writes them anew."""

import io
import os
from pathlib import Path
from typing import Literal

import pytest
from rich.cells import cell_len
from rich.console import Console

from usertrack.core.document import Document, Field, Listing
from usertrack.core.table import Column, Table
from usertrack.render import data, html, markdown, terminal

from . import documents

GOLDEN = Path(__file__).parent / "golden"


def golden(name: str, content: bytes) -> None:
    path = GOLDEN / name
    if os.environ.get("USERTRACK_GOLDEN") == "write":
        path.write_bytes(content)
    assert content == path.read_bytes()


def on_terminal(document: Document, width: int, system: Literal["truecolor"] | None) -> bytes:
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=system is not None,
        color_system=system,
        no_color=False,
        highlight=False,
        _environ={},
    )
    terminal.render(document, console)
    return console.file.getvalue().encode()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("width", [60, 80, 100, 120])
@pytest.mark.parametrize("name", ["segments", "dossier", "figures"])
def test_plain(name: str, width: int) -> None:
    drawn = on_terminal(getattr(documents, name)(), width, None)
    assert max(map(cell_len, drawn.decode().splitlines())) <= width
    golden(f"{name}-{width}.txt", drawn)


@pytest.mark.parametrize(("name", "width"), [("segments", 80), ("segments", 120), ("figures", 80)])
def test_with_colour(name: str, width: int) -> None:
    golden(f"{name}-{width}.ansi", on_terminal(getattr(documents, name)(), width, "truecolor"))


@pytest.mark.parametrize("name", ["segments", "dossier", "figures"])
def test_pages(name: str) -> None:
    document = getattr(documents, name)()
    golden(f"{name}.md", "".join(markdown.render(document)).encode())
    golden(f"{name}.html", html.body(document).encode())


@pytest.mark.parametrize("fmt", ["csv", "tsv", "json", "jsonl"])
def test_data(fmt: str) -> None:
    stream = io.BytesIO()
    data.write(documents.PEOPLE, fmt, stream)
    golden(f"segments.{fmt}", stream.getvalue())


def test_a_heatmap_is_a_table_in_files() -> None:
    table = documents.figures().table
    assert table is not None
    assert (table.names[:2], table.rows[0][:2], table.rows[0][-1]) == (["row", "00"], ("Mon", 30), None)


def test_a_long_text_is_folded_in_its_cell_and_heads_are_words() -> None:
    path = "/tools/" + "x" * 3_000
    listing = Listing(Table((Column("page_path"),), [(path,)]), fields={"page_path": Field(kind="text")})
    page = html.body(Document("Pages", (listing,)))
    assert f"<details><summary><bdi>{path[:200]}…</bdi></summary><bdi>{path}</bdi></details>" in page
    assert ">Page path</th>" in page
