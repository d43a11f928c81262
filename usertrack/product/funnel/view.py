"""A funnel as a document: a bar per step, how many were lost before it, and the rules of counting."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from usertrack.core.columns import Attribute, Columns
from usertrack.core.document import Block, Document, Field
from usertrack.core.table import Table
from usertrack.core.words import number, people_words, plural, signed
from usertrack.product import shares
from usertrack.product.ask import all_others_note
from usertrack.product.attributes import group_attributes
from usertrack.product.funnel.numbers import Funnel, FunnelAnswer, FunnelGroup, FunnelStep
from usertrack.product.people import people_document
from usertrack.product.scope import GroupName, Scope
from usertrack.product.shares import ShareLabels, ShareRow

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
_TREND = ShareLabels("converted", "% of those who began", "Began", "Converted", "Of them")


@dataclass(frozen=True)
class StepRow:
    """A step of one group of the breakdown, numbered from 1: a row of files and of JSON."""

    group: GroupName
    number: int
    step: FunnelStep

    @property
    def first(self) -> bool:
        return self.number == 1

    @property
    def lost(self) -> str:
        """``−12 (34 %)``, nothing at the first step."""
        if self.first:
            return ""
        step = self.step
        share = f" ({step.dropped / step.previous:.0%})".replace("%", " %") if step.previous else ""
        return f"{signed(-step.dropped)}{share}"


_STEPS: Columns[StepRow] = Columns(
    Attribute("step", "BIGINT", "number", Field(" ")),
    Attribute("name", "VARCHAR", "step.step.text", Field("Step")),
    Attribute("people", "BIGINT", "step.persons", Field("People", "number")),
    Attribute("of_first", "DOUBLE", "step.of_first", Field("Of the first", "bar", full=1.0)),
    Attribute("of_previous", "DOUBLE", lambda row: None if row.first else row.step.of_previous),
    Attribute(
        "dropped",
        "BIGINT",
        lambda row: None if row.first else row.step.dropped,
        Field("Lost", align="right"),
        lambda row: row.lost,
    ),
    Attribute("may_still_convert", "BIGINT", "step.open"),
    Attribute(
        "median_seconds", "DOUBLE", "step.median", Field("Median", align="right"), lambda row: duration(row.step.median)
    ),
    Attribute("mean_seconds", "DOUBLE", "step.mean", Field("Mean", align="right"), lambda row: duration(row.step.mean)),
)
_GROUPED_STEPS: Columns[StepRow] = Columns(*group_attributes(lambda row: row.group), *_STEPS.attributes)


def funnel_document(answer: FunnelAnswer) -> Document:
    """Each group's steps, and below them its trend.

    Files hold a row per group and step, times in seconds; with a trend, a row per group and bucket.
    """
    funnel, scope = answer.funnel, answer.scope
    trend = [row for group in answer.groups for row in shares.rows(group.name, group.trend)]
    notes = list(_notes(answer))
    return Document(
        title=funnel.title,
        subtitle=" · ".join([scope.window, *_semantics(funnel), *scope.conditions, *(scope.weeks if trend else [])]),
        blocks=tuple(block for group in answer.groups for block in _blocks(group, scope)),
        notes=tuple(notes),
        data=lambda: _json(answer, notes),
        table=_table(answer, trend),
        timezone=scope.timezone,
        as_of=scope.as_of,
    )


def stopped_document(funnel: Funnel, scope: Scope, step: int, people: Table) -> Document:
    """The people who stopped at a step, the last to get there first."""
    last = step == len(funnel.steps)
    name = funnel.steps[step - 1].text
    fields = {"email": Field("Person"), "person_id": Field("PostHog person"), "reached_at": Field("Got there", "when")}
    title = f"{funnel.title}: {f'did all {step} steps' if last else f'stopped at step {step}, {name}'}"
    return people_document(title, scope, replace(people, name="funnel_people"), fields, _semantics(funnel))


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


def _table(answer: FunnelAnswer, trend: Sequence[ShareRow]) -> Table:
    source, scope = answer.table, answer.scope
    if trend:
        return shares.grouped(scope, _TREND).table(trend, "funnel", source=source, timezone=scope.timezone)
    rows = [row for group in answer.groups for row in _rows(group)]
    return _GROUPED_STEPS.table(rows, "funnel", source=source, timezone=scope.timezone)


def _rows(group: FunnelGroup) -> list[StepRow]:
    return [StepRow(group.name, number, step) for number, step in enumerate(group.steps, start=1)]


def _blocks(group: FunnelGroup, scope: Scope) -> Iterator[Block]:
    yield _STEPS.listing(_rows(group), scope.heading(group.name), as_of=scope.as_of)
    if group.trend:
        yield from shares.blocks(group.name, group.trend, scope, _TREND)


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
        yield from shares.note([group.trend for group in answer.groups], answer.scope, why)
    if at_once := sum(step.at_once for group in answer.groups for step in group.steps):
        ties = "are in no median or mean"
        if answer.funnel.order != "unordered":
            ties = f"count, since events of one moment are taken in the order of the steps, and {ties}"
        yield f"steps at the very time of the one before {ties}: {number(at_once)}"
    yield from all_others_note(answer.table, answer.scope)
    if answer.scope.breakdown:
        yield "first touch: a person is counted once, under the first value that came with a step of theirs"
        if any(group.name.kind == "none" for group in answer.groups):
            yield "(none): people whose steps have no value; who goes on has more chances of one: values look better"


def _json(answer: FunnelAnswer, notes: Sequence[str]) -> dict[str, object]:
    funnel, scope = answer.funnel, answer.scope
    trend = shares.columns(scope, _TREND)
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
                "steps": _STEPS.dicts(_rows(group)),
                **({"trend": trend.dicts(shares.rows(group.name, group.trend))} if group.trend else {}),
            }
            for group in answer.groups
        ],
        "notes": list(notes),
    }
