"""The document that a command shows: blocks such as listings, charts and paragraphs, as data without a format."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from usertrack.core.json_types import JsonObject, plain
from usertrack.core.table import Column, Table
from usertrack.core.words import number

Kind = Literal["auto", "number", "percent", "bar", "when", "spark", "list", "text", "tag", "link", "person", "change"]

Cells = Iterator[tuple[str, object]]
"""The figures of a block by the names that provenance gives them: ``row › column``."""


def joined_names(*parts: str) -> str:
    return " › ".join(part for part in parts if part)


@dataclass(frozen=True)
class Tag:
    """A name of a set, such as a segment. Its ``place`` in the set, from 0, decides its colour."""

    id: str
    place: int


@dataclass(frozen=True)
class Field:
    """The way in which people see one column; files and pipes get the values as they are.

    ``percent``: 0.123 → 12.3 %. ``bar``: the number and a bar; a DOUBLE column of shares 0…1 is written in percent.
    ``when``: UTC → the table's timezone, relative to ``as_of`` when recent. ``spark``: a list of numbers. ``list``:
    joined by commas. ``link``: a `Link`, which leads somewhere in HTML and Markdown. ``person``: the key of a person.
    ``change``: a `Change`. ``auto``: by the column's type.

    ``tag``: a name with a colour. ``tags`` are those of a set by how the column writes them, such as segments; without
    them, verdicts such as ``ok`` and ``failed`` are good or bad, and other names have no colour.

    ``grows`` marks the column that takes the remaining width and wraps. ``full`` is the value of a full bar; without
    it, the largest value of the column. On a narrow terminal ``spare`` columns are left out, the last one first. A cell
    takes ``lines`` of a terminal at the most; the rest of its text is left out there.
    """

    label: str = ""
    kind: Kind = "auto"
    hidden: bool = False
    grows: bool = False
    align: Literal["", "left", "right"] = ""
    full: float | None = None
    spare: bool = False
    lines: int = 8
    tags: Mapping[str, Tag] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """A change in words. ``good``: whether it is for the better; None where it is neither, or too small to say."""

    text: str
    good: bool | None = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Link:
    """A text that leads to ``url``: a relative one, or one that begins with http:// or https://."""

    text: str
    url: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Listing:
    """A table as people see it. ``columns`` names the visible columns, in order; empty: all that are not ``hidden``.

    ``limit`` rows are shown unless the user's ``--limit`` says otherwise; 0 means all, None that no limit ever applies.
    ``more`` is a last line, after the count of the rows left out. With ``tiles`` every row is a tile in HTML: its first
    cell on top, the second one large, and the rest below with their labels. ``values`` computes the rows for JSON,
    where the table has texts for people.
    """

    table: Table
    heading: str = ""
    fields: Mapping[str, Field] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    limit: int | None = None
    more: str = ""
    tiles: bool = False
    values: Callable[[], Sequence[Mapping[str, object]]] | None = None

    def visible(self, limit: int | None) -> tuple[list[str], list[dict[str, object]]]:
        """Return the names of the visible columns, and the visible rows by column."""
        names = self.table.names
        hidden = {name for name, field in self.fields.items() if field.hidden}
        columns = list(self.columns) or [name for name in names if name not in hidden]
        at_most = 0 if self.limit is None else self.limit if limit is None else limit
        rows = self.table.rows[:at_most] if at_most else self.table.rows
        return columns, [dict(zip(names, row, strict=True)) for row in rows]

    def as_json(self, limit: int | None) -> JsonObject:
        names, visible = self.visible(limit)
        rows = self.values()[: len(visible)] if self.values else visible
        heading = {"heading": self.heading} if self.heading else {}
        return {**heading, "rows": [{name: row[name] for name in names} for row in rows]}

    def cells(self, limit: int | None) -> Cells:
        """Yield every visible cell, named by its row's first cell and its column."""
        names, rows = self.visible(limit)
        yield joined_names(self.heading, "rows"), len(self.table.rows)
        for row in rows:
            for name in names:
                label = (self.fields[name].label if name in self.fields else "") or name
                yield joined_names(self.heading, str(plain(row[names[0]])), label), row[name]


@dataclass(frozen=True)
class Paragraph:
    """One line of prose, wrapped where it must be; not ``verifiable`` if no source can be asked for it."""

    text: str
    style: Literal["", "bold", "dim", "warning"] = ""
    verifiable: bool = True

    def as_json(self, limit: int | None) -> JsonObject:
        return {"text": self.text}

    def cells(self, limit: int | None) -> Cells:
        if self.verifiable:
            yield "text", self.text


@dataclass(frozen=True)
class Facts:
    """Key-value lines; a value is text, a number, a list or a UTC time."""

    pairs: tuple[tuple[str, object], ...]

    def as_json(self, limit: int | None) -> JsonObject:
        return {"facts": dict(self.pairs)}

    def cells(self, limit: int | None) -> Cells:
        yield from self.pairs


@dataclass(frozen=True)
class Spark:
    """A line of ▁▃▅█, one per value; None is a gap (not known, or not over yet)."""

    label: str
    values: Sequence[float | None]
    caption: str = ""

    def as_json(self, limit: int | None) -> JsonObject:
        return {"spark": self.label, "values": list(self.values), "says": self.caption}

    def cells(self, limit: int | None) -> Cells:
        for place, value in enumerate(self.values, 1):
            yield joined_names(self.label, str(place)), value
        yield f"{self.label} says", self.caption


@dataclass(frozen=True)
class Heatmap:
    """Numbers by two labels, such as weekday and hour, shaded from 0 to the largest; None is a gap.

    The first ``base`` columns have no shade and set no scale: they are 100 % in every cohort.

    ``values`` has a list per row, as long as ``columns``. ``percent``: shares 0…1. ``corner`` names what rows are.
    ``steps`` are four limits between the shades, so that a shade means the same on all heatmaps, and ``bands`` the
    names of the five.
    ``limit`` rows are shown, as of a `Listing`; with ``latest`` the last ones.
    """

    heading: str
    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[float | None]]
    kind: Literal["number", "percent"] = "number"
    caption: str = ""
    corner: str = ""
    steps: tuple[float, ...] = ()
    bands: tuple[str, ...] = ()
    base: int = 0
    limit: int | None = None
    latest: bool = False

    def as_json(self, limit: int | None) -> JsonObject:
        cells = [dict(zip(self.columns, values, strict=True)) for values in self.values]
        return {"heatmap": self.heading, "rows": dict(zip(self.rows, cells, strict=True))}

    def cells(self, limit: int | None) -> Cells:
        for row, values in zip(self.rows, self.values, strict=True):
            for column, value in zip(self.columns, values, strict=True):
                yield joined_names(self.heading, row, column), value

    @property
    def table(self) -> Table:
        """The numbers for files, row by row."""
        columns = (Column(self.corner or "row"), *(Column(name, "DOUBLE") for name in self.columns))
        return Table(columns, [(name, *values) for name, values in zip(self.rows, self.values, strict=True)])


@dataclass(frozen=True)
class Chart:
    """``trend``: named series over the dates, or labels in order, in ``x``. ``bars``: a bar per label, for each series.

    Every series is as long as ``x``; None is a gap. ``unit`` stands behind a number (``days``); ``percent``: values
    are shares 0…1. ``sizes`` are what the shares at each ``x`` are of. ``tags`` are those of series that are segments.
    """

    kind: Literal["trend", "bars"]
    label: str
    x: Sequence[date] | Sequence[str]
    series: Mapping[str, Sequence[float | None]]
    unit: str = ""
    caption: str = ""
    sizes: Sequence[int] = ()
    tags: Mapping[str, Tag] = field(default_factory=dict)

    def as_json(self, limit: int | None) -> JsonObject:
        return {"chart": self.label, "x": list(self.x), "series": {k: list(v) for k, v in self.series.items()}}

    def cells(self, limit: int | None) -> Cells:
        for name, values in self.series.items():
            for x, value in zip(self.x, values, strict=True):
                yield joined_names(self.label, name, str(x)), value


@dataclass(frozen=True)
class Stop:
    """A stop in a column of a `Flow`: ``value`` gets there, ``left`` of it ends there. ``other``: the rest as one."""

    name: str
    value: float
    left: float = 0
    other: bool = False


@dataclass(frozen=True)
class Flow:
    """A Sankey diagram, drawn in HTML only: a listing beside it has the numbers for the other formats.

    ``links`` are (column, place in it, place in the next one, value). ``unit`` stands behind numbers in words.
    ``caption`` says how to read it.
    """

    label: str
    columns: Sequence[Sequence[Stop]]
    links: Sequence[tuple[int, int, int, float]]
    unit: str = ""
    caption: str = ""

    def as_json(self, limit: int | None) -> JsonObject:
        columns = [{stop.name: stop.value for stop in column} for column in self.columns]
        return {"flow": self.label, "columns": columns, "links": [list(link) for link in self.links]}

    def cells(self, limit: int | None) -> Cells:
        return iter(())  # they are those of the listing beside it


@dataclass(frozen=True)
class Code:
    """Source text, shown line by line and never wrapped."""

    text: str
    language: str = "sql"

    def as_json(self, limit: int | None) -> JsonObject:
        return {"text": self.text}

    def cells(self, limit: int | None) -> Cells:
        return iter(())  # a text that is quoted has no figures of ours


@dataclass(frozen=True)
class Origin:
    """The source of figures: a query of the library with its parameters, and the moment that it answers for (UTC).

    ``current`` are the labels of its facts whose values are always those of today.
    """

    query: str
    params: Mapping[str, object]
    source: str
    as_of: datetime
    current: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """Blocks under a heading. ``origins`` are those of all figures in it, but for inner sections with their own.

    A `Link` to ``#anchor`` leads to the heading; in Markdown, where GitHub makes anchors of headings, if it is theirs.
    A ``folded`` one is a heading that unfolds, where the format has that; it has no sections in it.
    ``tag`` is what it is about, such as a segment.
    """

    heading: str
    blocks: "tuple[Block, ...]"
    origins: tuple[Origin, ...] = ()
    anchor: str = ""
    folded: bool = False
    tag: Tag | None = None

    def as_json(self, limit: int | None = None) -> JsonObject:
        """Shape: {"heading", "queries": [name], "blocks": [{"rows" or "facts" or "text" or …}], "sections": […]}."""
        sections = [block.as_json(limit) for block in self.blocks if isinstance(block, Section)]
        return {
            "heading": self.heading,
            "queries": [origin.query for origin in self.origins],
            "blocks": [block.as_json(limit) for block in self.blocks if not isinstance(block, Section)],
            **({"sections": sections} if sections else {}),
        }


Block = Listing | Paragraph | Facts | Spark | Heatmap | Chart | Flow | Code | Section


@dataclass(frozen=True)
class Document:
    """Everything that a command shows. Times are naive and UTC; ``timezone`` and ``as_of`` say how people see them.

    ``data`` returns the command's JSON document; ``table`` is the table that csv, parquet, xlsx, … export.
    ``layout`` names its template; one of the same name in the folder ``templates`` replaces it.
    ``provenance`` goes into the file for `usertrack report verify`.
    """

    title: str
    blocks: tuple[Block, ...] = ()
    notes: tuple[str, ...] = ()
    subtitle: str = ""
    data: Callable[[], Any] | None = None
    table: Table | None = None
    timezone: str = "UTC"
    as_of: datetime | None = None
    layout: str = "page"
    templates: Path | None = None
    provenance: JsonObject | None = None


def of_table(table: Table, limit: int = 0) -> Document:
    """The document of a plain table: every column, the timezone of its times, and ``limit`` rows (0: all)."""
    cut = ("the source has more rows than these",) if table.truncated else ()
    times = (
        [f"times in {table.timezone}"] if any(column.type.startswith("TIMESTAMP") for column in table.columns) else []
    )
    count = len(table.rows)
    return Document(
        title=table.title or table.name,
        subtitle=" · ".join([f"{number(count)} row" + "s" * (count != 1), *times]),
        blocks=(Listing(table, limit=limit),),
        notes=(*table.notes, *cut),
        table=table,
        timezone=table.timezone,
        as_of=table.as_of,
    )
