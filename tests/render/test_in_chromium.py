"""Pages in a real Chromium: their policy allows what they do, tables sort, and nothing is wider than the screen."""
# ruff: noqa: F811 - fixtures are imported, then named by parameters

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chromium import axe, chromium, patient, violations  # noqa: F401
from usertrack.core.document import Block, Document, Facts, Field, Listing, Section
from usertrack.core.table import Column, Table
from usertrack.render import html

from . import documents
from .test_sankey import VISITS

SIZES = [(390, "light"), (1280, "dark"), (2000, "light")]


def endless() -> Iterator[Block]:
    """Names of 10 000 characters without a blank, wherever a name can be."""
    name = "x" * 10_000
    table = Table((Column("who"), Column("tag"), Column("why")), [(name, name, name)])
    fields = {"who": Field(kind="person"), "tag": Field(kind="tag"), "why": Field(grows=True)}
    yield Section(name, (Facts(((name, name),)), Listing(table, name, fields)))


def everything() -> Document:
    blocks = [block for make in (documents.segments, documents.dossier, documents.figures) for block in make().blocks]
    return Document(
        "Everything", (*blocks, VISITS, *endless()), notes=("a note",), timezone="UTC", as_of=documents.AS_OF
    )


@pytest.fixture
def opened(chromium: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    width, scheme = getattr(request, "param", SIZES[1])
    (tmp_path / "page.html").write_text("".join(html.render(everything())))
    page = patient(chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme))
    page.console_messages = []
    page.on("console", lambda message: page.console_messages.append(message.text))
    page.goto((tmp_path / "page.html").as_uri())
    yield page
    page.close()


@pytest.mark.parametrize("opened", SIZES, indirect=True)
def test_nothing_is_refused_or_wider_than_the_screen(opened: Any) -> None:
    assert opened.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
    assert opened.console_messages == []


def test_tables_sort_by_number_by_text_and_back(opened: Any) -> None:
    table = opened.locator("table").nth(1)
    people = [*table.locator("tbody td:first-child").all_inner_texts()]
    table.get_by_role("button", name="Priority").click()
    assert table.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
    assert table.locator("tbody td:first-child").all_inner_texts() == people  # the most urgent were first
    table.get_by_role("button", name="Priority").click()
    assert table.locator("tbody td:first-child").all_inner_texts() == people[::-1]
    table.get_by_role("button", name="Priority").click()
    assert table.locator("tbody td:first-child").all_inner_texts() == people
    table.get_by_role("button", name="Seen").click()
    assert table.locator("tbody td:nth-child(4)").all_inner_texts() == ["20 Nov 07:01", "19 Nov", "3 Aug", "·"]


@pytest.mark.parametrize(
    ("cells", "by_click"),
    [
        (["9", "not known", "12"], ["12", "9", "not known"]),
        (["12 of 30", "not known", "9 of 10"], ["9 of 10", "12 of 30", "not known"]),
    ],
)
def test_numbers_are_sorted_as_such_beside_what_is_not_known(
    opened: Any, cells: list[str], by_click: list[str]
) -> None:
    rows = "".join(f"<tr><td>{cell}</td></tr>" for cell in cells)
    table = f'<div class="wide"><table><thead><tr><th>n</th></tr></thead><tbody>{rows}</tbody></table></div>'
    opened.evaluate("table => { document.body.innerHTML = table; usertrackSortable(document); }", table)
    opened.get_by_role("button", name="n").click()
    assert opened.locator("td").all_inner_texts() == by_click


@pytest.mark.slow
@pytest.mark.parametrize("opened", SIZES, indirect=True)
def test_axe_finds_nothing(opened: Any, axe: str) -> None:
    opened.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    assert violations(opened, axe) == []


@pytest.mark.slow
def test_axe_is_shown_the_row_that_is_not_as_the_others(chromium: Any, axe: str) -> None:
    page = patient(chromium.new_page())
    rows = ["<tr><td><a href='#x'>x</a></td></tr>"] * 9
    page.set_content(f"<title>t</title><main><table>{''.join([*rows, '<tr><td><a href=#x></a></td></tr>', *rows])}")
    before = page.content()
    assert [violation for violation in violations(page, axe) if violation.startswith("link-name")]
    assert page.content() == before
    page.close()
