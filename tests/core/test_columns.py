"""One declaration gives the table for files, the rows of JSON and the listing for people."""

import pytest

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Document, Field, Section
from usertrack.core.pseudonyms import Pseudonyms
from usertrack.core.table import Column

COLUMNS: Columns[tuple[str, float]] = Columns(
    Attribute("share", "DOUBLE", lambda row: row[1], Field("Share", "percent")),
    Attribute("seconds", "DOUBLE", lambda row: 60 * row[1], Field("Takes"), text=lambda row: f"{row[1]} min"),
    Attribute("id", "BIGINT", lambda row: len(row[0])),
    Attribute("name", "VARCHAR", lambda row: row[0], Field("Name"), place=-1),
)
ROWS = [("Ann", 0.5), ("Bo", 1)]


def test_files_have_every_column_as_declared() -> None:
    table = COLUMNS.table(ROWS, "people")
    assert (table.name, table.names) == ("people", ["share", "seconds", "id", "name"])
    assert table.rows == [(0.5, 30, 3, "Ann"), (1, 60, 2, "Bo")]
    assert COLUMNS.dicts(ROWS) == table.dicts()


def test_people_see_the_columns_with_a_field_in_their_place() -> None:
    listing = COLUMNS.listing(ROWS, "People", limit=5)
    assert listing.table.columns == (Column("name"), Column("share", "DOUBLE"), Column("seconds"))
    assert listing.table.rows == [("Ann", 0.5, "0.5 min"), ("Bo", 1, "1 min")]
    assert (listing.fields["name"], listing.limit) == (Field("Name"), 5)


def test_another_listing_takes_its_columns_from_the_same_declaration() -> None:
    percent = COLUMNS.show("id", Field("Length", "percent"), lambda row: len(row[0]) / 10)
    listing = Columns(percent, COLUMNS.show("seconds", Field("Time"))).listing(ROWS)
    assert listing.table.columns == (Column("id", "DOUBLE"), Column("seconds"))
    assert listing.table.rows == [(0.3, "0.5 min"), (0.2, "1 min")]
    with pytest.raises(ValueError, match="unpack"):
        COLUMNS.show("nothing", Field())


def test_the_values_of_json_have_pseudonyms_too() -> None:
    columns: Columns[str] = Columns(
        Attribute("email", "VARCHAR", lambda email: email, Field("Who")),
        Attribute("length", "BIGINT", lambda email: len(email), Field("Length"), text=lambda email: f"{len(email)}."),
    )
    document = Document("", blocks=(Section("All", (columns.listing(["ann@x.example"]),)),))
    pseudonyms = Pseudonyms(b"key")
    [section] = pseudonyms.document(document).blocks
    assert isinstance(section, Section)
    [block] = section.as_json()["blocks"]
    assert block["rows"] == [{"email": pseudonyms.of("ann@x.example"), "length": 13}]
