"""A funnel as a document: the steps as bars, what was lost between them, and which semantics counted it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from usertrack.core.document import Block, Document, Field, Listing
from usertrack.core.table import Column, Row, Table
from usertrack.core.words import number, people_words, plural, signed
from usertrack.product import shares as over_time
from usertrack.product.ask import rest_note
from usertrack.product.funnel.numbers import Funnel, FunnelAnswer, FunnelGroup, FunnelStep
from usertrack.product.scope import Scope

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
_COLUMNS = (
    Column("breakdown"),
    Column("group"),
    Column("step", "BIGINT"),
    Column("name"),
    Column("people", "BIGINT"),
    Column("of_first", "DOUBLE"),
    Column("of_previous", "DOUBLE"),
    Column("dropped", "BIGINT"),
    Column("may_still_convert", "BIGINT"),
    Column("median_seconds", "DOUBLE"),
    Column("mean_seconds", "DOUBLE"),
)


def funnel_document(answer: FunnelAnswer) -> Document:
    """Each group's steps, and below them its trend; files hold a row per group and step, times in seconds.

    Of a trend they hold a row per group and bucket instead.
    """
    funnel, scope = answer.funnel, answer.scope
    trend: list[Row] = [row for group in answer.groups for row in over_time.rows(group.name, group.trend, scope)]
    columns = over_time.columns(scope, "converted") if trend else _COLUMNS
    rows = trend or [row for group in answer.groups for row in _rows(group)]
    notes = list(_notes(answer))
    return Document(
        title=funnel.title,
        subtitle=" · ".join([scope.window, *_semantics(funnel), *scope.conditions, *(scope.weeks if trend else [])]),
        blocks=tuple(block for group in answer.groups for block in _blocks(group, scope)),
        notes=tuple(notes),
        data=lambda: _json(answer, notes),
        table=replace(answer.table, columns=columns, rows=rows, name="funnel", timezone=scope.timezone),
        timezone=scope.timezone,
        as_of=scope.as_of,
    )


def people_document(funnel: Funnel, scope: Scope, step: int, people: Table) -> Document:
    """Who stopped at a step, the last to get there first."""
    last = step == len(funnel.steps)
    name = funnel.steps[step - 1].text
    fields = {
        "email": Field("Person"),
        "person_id": Field("PostHog person"),
        "reached_at": Field("Got there", "when"),
    }
    table = replace(people, name="funnel_people", timezone=scope.timezone, as_of=scope.as_of)
    unknown = sum(row[people.names.index("email")] is None for row in people.rows)
    return Document(
        title=f"{funnel.title}: {f'did all {step} steps' if last else f'stopped at step {step}, {name}'}",
        subtitle=" · ".join([people_words(len(people.rows)), scope.window, *_semantics(funnel), *scope.conditions]),
        blocks=(Listing(table, fields=fields, columns=tuple(fields), limit=20),),
        notes=(f"{number(unknown)} of them never said who they are",) if unknown else (),
        table=table,
        timezone=scope.timezone,
        as_of=scope.as_of,
    )


def duration(seconds: float | None) -> str:
    """``45 s``, ``4 min``, ``1.2 h``, ``3.4 d``."""
    if seconds is None:
        return ""
    for size, unit in ((86_400, "d"), (3_600, "h")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"


def _semantics(funnel: Funnel) -> list[str]:
    window = "with no end" if funnel.window is None else f"{_in_words(funnel.window)} from step 1"
    within = "with no end" if funnel.window is None else f"all within {_in_words(funnel.window)}"
    order = {
        "ordered": [f"ordered, {window}, best attempt per person"],
        "strict": [f"strict order, nothing in between, {window}, best attempt per person"],
        "unordered": [f"in any order, {within}, best attempt per person"],
    }[funnel.order]
    return [*order, *([f"without who did {', '.join(funnel.exclusions)} on the way"] if funnel.exclusions else [])]


def _in_words(seconds: int) -> str:
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    return plural(seconds // size, unit)


def _rows(group: FunnelGroup) -> Iterator[Row]:
    for at, step in enumerate(group.steps, start=1):
        yield (
            *group.name.columns.values(),
            at,
            step.step.text,
            step.persons,
            step.of_first,
            step.of_previous if at > 1 else None,
            step.dropped if at > 1 else None,
            step.open,
            step.median,
            step.mean,
        )


def _listing(group: FunnelGroup, scope: Scope) -> Listing:
    """A line per step; in between, how many were lost and how long the others took."""
    rows: list[Row] = [
        (
            at,
            step.step.text,
            number(step.persons),
            step.of_first,
            _lost(at, step),
            duration(step.median),
            duration(step.mean),
        )
        for at, step in enumerate(group.steps, start=1)
    ]
    kinds = ("BIGINT", "VARCHAR", "VARCHAR", "DOUBLE", "VARCHAR", "VARCHAR", "VARCHAR")
    fields = {
        "step": Field(" "),
        "name": Field("Step"),
        "people": Field("People", align="right"),
        "of_first": Field("Of the first", "bar", full=1.0),
        "lost": Field("Lost", align="right"),
        "median": Field("Median", align="right"),
        "mean": Field("Mean", align="right"),
    }
    table = Table(tuple(map(Column, fields, kinds)), rows, as_of=scope.as_of)
    return Listing(table, scope.heading(group.name), fields)


def _blocks(group: FunnelGroup, scope: Scope) -> Iterator[Block]:
    yield _listing(group, scope)
    if group.trend:
        headings = {"line": "% of those who began", "people": "Began", "hits": "Converted", "rate": "Of them"}
        yield from over_time.blocks(group.trend, scope, **headings)


def _lost(at: int, step: FunnelStep) -> str:
    if at == 1:
        return ""
    share = f" ({step.dropped / step.previous:.0%})".replace("%", " %") if step.previous else ""
    return f"{signed(-step.dropped)}{share}"


def _notes(answer: FunnelAnswer) -> Iterator[str]:
    open_ = sum(step.open for group in answer.groups for step in group.steps)
    if not any(group.steps[0].persons for group in answer.groups):
        then = f", but for who then did {' or '.join(answer.funnel.exclusions)}" if answer.funnel.exclusions else ""
        yield f"nobody took the first step in this time{then}"
    if open_ and answer.funnel.window is None:
        yield f"{people_words(open_)} may still convert: there is no window"
    elif open_:
        yield f"{people_words(open_)} began less than the window before the end and may still convert"
    if any(group.trend for group in answer.groups):
        step = "any step" if answer.funnel.order == "unordered" else "the first step"
        yield f"a person counts in each {answer.scope.interval} in which they took {step}"
        why = f"the {_in_words(answer.funnel.seconds(answer.scope))} to convert in are not over for all"
        yield from over_time.note([group.trend for group in answer.groups], answer.scope, why)
    if at_once := sum(step.at_once for group in answer.groups for step in group.steps):
        yield f"steps at the very time of the one before are in no median or mean: {number(at_once)}"
    yield from rest_note(answer.table, answer.scope)
    if answer.scope.breakdown:
        yield "a person is counted once, under the first value that came with a step"


def _json(answer: FunnelAnswer, notes: Sequence[str]) -> dict[str, Any]:
    funnel, scope = answer.funnel, answer.scope
    names = [column.name for column in _COLUMNS[2:]]
    return {
        "title": funnel.title,
        **scope.as_dict(),
        "order": funnel.order,
        "window_seconds": funnel.window,
        "exclusions": list(funnel.exclusions),
        "groups": [
            {
                "value": group.name.columns["breakdown"],
                "group": group.name.kind,
                "other": group.name.kind == "others",
                "steps": [dict(zip(names, row[2:], strict=True)) for row in _rows(group)],
                **({"trend": over_time.as_json(group.trend, scope, "converted")} if group.trend else {}),
            }
            for group in answer.groups
        ],
        "notes": list(notes),
    }
