"""The library of queries as tables and documents."""

from collections.abc import Mapping
from pathlib import Path

from usertrack.core.document import Code, Document, Facts, Field, Listing, Paragraph
from usertrack.core.errors import UsertrackError
from usertrack.core.table import Column, Row, Table
from usertrack.library.library import Library, Parameter, Query
from usertrack.library.metric import Metric


def library_document(library: Library) -> Document:
    """Every query; a narrow terminal leaves out columns other than name and title."""
    table = _table(library)
    spare = {name: Field(spare=True) for name in ("key", "parameters", "from")}
    fields = {"title": Field(grows=True), **spare}
    return Document(title=table.title, blocks=(Listing(table, fields=fields),), table=table)


def _table(library: Library) -> Table:
    """One row per query file; one that cannot be read says why."""
    names = (Column("name"), Column("title"), Column("key"), Column("metric"), Column("parameters"), Column("from"))
    rows: list[Row] = []
    for name in library:
        try:
            query = library[name]
            parameters = ", ".join(map(_parameter, query.params.values()))
            rows.append(
                (
                    name,
                    query.title,
                    query.key or None,
                    query.metric.label if query.metric else None,
                    parameters or None,
                    "shipped" if query.shipped else "workspace",
                )
            )
        except UsertrackError as error:
            rows.append((name, f"cannot be read: {error.message}", None, None, None, "workspace"))
    return Table(names, rows, name="queries", title=f"{len(rows)} queries")


def query_document(query: Query, sql: str, fragments: Mapping[str, Path | None]) -> Document:
    """A query's purpose, its parameters, its ``fragments`` (a path: the workspace's own), and its ``sql``."""
    pairs = [
        ("Source", query.source),
        ("Key", query.key or None),
        ("Metric", _metric(query.metric) if query.metric else None),
        ("Parameters", ", ".join(map(_parameter, query.params.values())) or "none"),
        ("Fragments", ", ".join(f"{name} ({path})" if path else name for name, path in fragments.items())),
        ("File", "shipped with usertrack" if query.shipped else str(query.path)),
    ]
    return Document(
        title=f"{query.name} · {query.title}",
        blocks=(
            *([Paragraph(query.about)] if query.about else []),
            Facts(tuple(p for p in pairs if p[1])),
            Code(sql),
        ),
        data=lambda: {
            "name": query.name,
            "title": query.title,
            "about": query.about,
            "source": query.source,
            "key": query.key or None,
            "metric": query.metric and {"label": query.metric.label, "kind": query.metric.kind},
            "params": {p.name: {"type": p.type, "default": p.default} for p in query.params.values()},
            "facts": {name: {"label": f.label, "type": f.type, "unit": f.unit} for name, f in query.facts.items()},
            "fragments": {name: str(path) if path else "shipped" for name, path in fragments.items()},
            "sql": sql,
        },
    )


def _metric(metric: Metric) -> str:
    bands = [
        f"{name} {bound.text}" for name, bound in (("good", metric.good), ("excellent", metric.excellent)) if bound
    ]
    return f"{metric.label}, {metric.kind}" + (f": {', '.join(bands)}" if bands else "")


def _parameter(parameter: Parameter) -> str:
    if parameter.default is None:
        return f"{parameter.name} ({parameter.type})"
    return f"{parameter.name}={parameter.default_text}"
