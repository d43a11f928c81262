"""The order of a page: every block once, headings that leave out no level, and an anchor for each."""

from usertrack.core.document import Document, Listing, Paragraph, Section
from usertrack.core.table import Column, Table
from usertrack.render import html, outline

LISTING = Listing(Table((Column("a"),), [("x",)]), heading="People")
BLOCKS = (
    Section("", (LISTING,)),
    Section("People", (Section("Who left", (Paragraph("nobody"),)), LISTING), anchor="people"),
    Section("¿?", ()),
)


def test_headings_leave_out_no_level_and_each_has_its_anchor() -> None:
    headings = [(part.level, part.anchor) for part in outline.parts(BLOCKS) if part.kind == "heading"]
    assert headings == [(2, "people-2"), (2, "people"), (3, "who-left"), (3, "people-3"), (2, "section")]


def test_several_bodies_fit_into_one_page() -> None:
    document = Document("t", BLOCKS, notes=("n",))
    body = html.body(document, top=3, prefix="left-")
    assert '<h3 id="left-people">People</h3>' in body
    assert body.count("<table") == 2
    assert "<html" not in body
    assert "prefers-color-scheme: dark" in html.stylesheet()
