"""Charts and heatmaps as cells and tables, which every format can show. No meaning is in a colour alone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from usertrack.core.document import Chart, Field, Flow, Heatmap, Kind, Listing
from usertrack.core.table import Column, Row, Table
from usertrack.render import cells
from usertrack.render.cells import Cell


def grid(block: Heatmap) -> list[list[Cell]]:
    """The cells of a heatmap, all with the same decimals; ``bar`` is the share of its largest number on the scale."""
    scaled = [value for row in block.values for value in row[block.base :] if value is not None]
    flat: list[Row] = [(value,) for row in block.values for value in row]
    # as a DOUBLE, numbers below 1 would be taken for shares
    column = Column("value", "DOUBLE" if block.kind == "percent" else "BIGINT")
    [view] = cells.views(
        Listing(Table((column,), flat), fields={"value": Field(kind="bar", full=max(scaled, default=None))})
    )
    return [
        [
            replace(cell, bar=None) if at < block.base else _shaded(cell, value, block.steps)
            for at, value in enumerate(row)
            for cell in [view.cell((value,))]
        ]
        for row in block.values
    ]


def without_decimals(block: Heatmap, grid: list[list[Cell]]) -> list[list[Cell]]:
    """The cells of a narrow heatmap: shares as whole percent, other values unchanged."""
    if block.kind != "percent":
        return grid
    return [
        [
            cell if value is None else replace(cell, text=cells.percent(value, 0))
            for cell, value in zip(*row, strict=True)
        ]
        for row in zip(grid, block.values, strict=True)
    ]


def _shaded(cell: Cell, value: float | None, steps: Sequence[float]) -> Cell:
    """``cell`` with the middle of its shade as its ``bar``, where ``steps`` are the bounds of shades."""
    if not steps or value is None:
        return cell
    level = sum(value > step for step in steps)
    return replace(cell, bar=(level - 0.5) / len(steps) if level else None)


def as_listing(block: Chart) -> Listing:
    """A chart as a table: a bar per label, or a sparkline per series with its range."""
    return _bars(block) if block.kind == "bars" else _trend(block)


def numbers(block: Chart) -> Listing:
    """Every number of a chart: a row for each ``x``, with what its shares are of."""
    kind: Kind = "percent" if block.unit == "percent" else "number"
    x = [f"{at:%a} {at.day} {at:%b %Y}" if isinstance(at, date) else at for at in block.x]
    series = {f"s{at}": name for at, name in enumerate(block.series)}
    columns = (Column("x"), *(Column(key, "DOUBLE") for key in series))
    fields = {"x": Field(" "), **{key: Field(_with_unit(name, block), kind) for key, name in series.items()}}
    rows: list[Row] = list(zip(x, *block.series.values(), strict=True))
    if block.sizes:
        columns, fields["n"] = (*columns, Column("n", "BIGINT")), Field("n", "number")
        rows = [(*row, size) for row, size in zip(rows, block.sizes, strict=True)]
    return Listing(Table(columns, rows), fields=fields)


def flow_numbers(block: Flow) -> Listing:
    """Every link of a flow: its step, from where to where, and how much takes it."""
    columns = (Column("step", "BIGINT"), Column("from"), Column("to"), Column("value", "DOUBLE"))
    fields = {
        "step": Field("Step", "number"),
        "from": Field("From"),
        "to": Field("To"),
        "value": Field(block.unit.capitalize() or "Value", "number"),
    }
    rows: list[Row] = [
        (column + 1, block.columns[column][source].name, block.columns[column + 1][target].name, value)
        for column, source, target, value in block.links
    ]
    return Listing(Table(columns, rows), fields=fields)


def _bars(block: Chart) -> Listing:
    kind = "DOUBLE" if block.unit == "percent" else "BIGINT"
    columns = (Column("label"), *(Column(name, kind) for name in block.series))
    rows: list[Row] = list(zip(block.x, *block.series.values(), strict=True))
    full = max((value for values in block.series.values() for value in values if value is not None), default=0.0)
    fields = {name: Field(_with_unit(name, block), "bar", full=full) for name in block.series}
    return Listing(Table(columns, rows), block.label, {"label": Field(" "), **fields}, more=block.caption)


def _trend(block: Chart) -> Listing:
    kind: Kind = "percent" if block.unit == "percent" else "number"
    measures = ("lowest", "highest", "latest")
    # ``1 Nov – 20 Nov``: the first and the last day of a trend.
    ends = (*block.x[:1], *block.x[-1:])
    fields = {
        "series": Field("Series"),
        "trend": Field(" – ".join(f"{end.day} {end:%b}" if isinstance(end, date) else end for end in ends), "spark"),
        **{name: Field(_with_unit(name.capitalize(), block), kind) for name in measures},
    }
    types = {"trend": "DOUBLE[]", **dict.fromkeys(measures, "DOUBLE")}
    rows: list[Row] = [(name, list(values), *_range(values)) for name, values in block.series.items()]
    columns = tuple(Column(name, types.get(name, "VARCHAR")) for name in fields)
    return Listing(Table(columns, rows), block.label, fields, more=block.caption)


def _with_unit(name: str, block: Chart) -> str:
    return f"{name}, {block.unit}" if block.unit not in ("", "percent") else name


def _range(values: Sequence[float | None]) -> tuple[float | None, float | None, float | None]:
    known = [value for value in values if value is not None]
    return min(known, default=None), max(known, default=None), known[-1] if known else None
