"""Funnels with PostHog's semantics: how many persons reach each step, in order and within the conversion window."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from math import ceil, isfinite
from pathlib import Path
from typing import ClassVar, Literal

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.table import NamedRow, Table
from usertrack.core.yaml_file import YamlFile
from usertrack.engine.runner import Runner
from usertrack.library.events import EventStep, parse_step
from usertrack.library.sql import properties_of, quoted
from usertrack.product.ask import answer, require_known
from usertrack.product.events import require_events, require_steps
from usertrack.product.scope import GroupName, Scope, one_of, values_first
from usertrack.product.shares import Share, ShareBucket

Order = Literal["ordered", "strict", "unordered"]
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
MOST_STEPS = 20  # the SQL grows with each step


@dataclass(frozen=True)
class Funnel:
    """``window`` is in seconds from the first step, and includes its end; None is without an end.

    ``exclusions`` are names of events.
    """

    title: str
    steps: tuple[EventStep, ...]
    window: int | None = 14 * 86_400
    order: Order = "ordered"
    exclusions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises UsageError for steps or exclusions that make no funnel."""
        if len(self.steps) < 2:
            raise UsageError("a funnel has two steps or more", "`usertrack funnel signed_up first_item_created`")
        if len(self.steps) > MOST_STEPS:
            raise UsageError(f"a funnel has {MOST_STEPS} steps at the most, this one {len(self.steps)}")
        if self.order == "unordered" and self.exclusions:
            raise UsageError("an unordered funnel has no exclusions", "leave out --exclude, or --order unordered")
        used = {event for step in self.steps for event in step.events}
        for event in self.exclusions:
            if event in used:
                raise UsageError(f"'{event}' is a step and cannot be excluded, too")

    def seconds(self, scope: Scope) -> int:
        """The window; without one, longer than the time of ``scope``."""
        return ceil(scope.elapsed.total_seconds()) + 1 if self.window is None else self.window


@dataclass(frozen=True)
class FunnelStep:
    """One step: how many persons reached it, of how many in the step before and in the first.

    ``mean`` and ``median`` are seconds since the step before, None where nobody took any; those ``at_once`` with it are
    in neither. ``open`` persons stopped here, and may still go on.
    """

    step: EventStep
    persons: int
    previous: int
    first: int
    open: int = 0
    at_once: int = 0
    mean: float | None = None
    median: float | None = None

    @property
    def dropped(self) -> int:
        """The number of persons who reached the step before and not this one."""
        return self.previous - self.persons

    @property
    def of_previous(self) -> float | None:
        return self.persons / self.previous if self.previous else None

    @property
    def of_first(self) -> float | None:
        return self.persons / self.first if self.first else None


@dataclass(frozen=True)
class FunnelGroup:
    """The funnel of one value of the breakdown; ``name`` is empty without one.

    ``trend`` has every bucket of the scope: how many got to the last step, of those who took the first one in it. A
    person counts in each bucket in which they took it. It is empty where no trend was requested.
    """

    name: GroupName
    steps: tuple[FunnelStep, ...]
    trend: tuple[ShareBucket, ...] = ()


@dataclass(frozen=True)
class FunnelAnswer:
    funnel: Funnel
    scope: Scope
    groups: tuple[FunnelGroup, ...]
    table: Table


def parse_window(text: str) -> int | None:
    """``14d``, ``12h``, ``30m``, ``45s`` or ``2w`` in seconds, None for ``none``; raises UsageError."""
    if text.strip() == "none":
        return None
    match = re.fullmatch(r"(\d{1,9})\s*([smhdw])", text.strip())
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not 0 < seconds <= 366 * 86_400:
        raise UsageError(
            f"'{text}' is not a time to convert in",
            "write 14d, 12h, 30m or 45s, a year at the most; none is without an end",
        )
    return seconds


class _FunnelFile(YamlFile):
    needs: ClassVar[str] = "funnels by name"
    hint: ClassVar[str] = "write `activation: {steps: [signed_up, first_item_created]}`"
    may_be_empty: ClassVar[bool] = True


def named_funnels(paths: Sequence[Path]) -> dict[str, Funnel]:
    """Every funnel of these files by name, the first file first; raises UsageError with file and line.

    A file with `shipped: false` leaves out those behind it.
    """
    funnels: dict[str, Funnel] = {}
    for path in paths:
        file = _FunnelFile(path)
        switch = file.document.get("shipped")
        is_switch = "shipped" in file.document and not isinstance(switch, dict)  # a funnel may have this name
        for name in file.mapping(file.document, path.name) if file.document else ():
            if name != "shipped" or not is_switch:
                funnels.setdefault(name, _read(file, name))
        if is_switch and not isinstance(switch, bool):
            raise file.wrong("'shipped' is true or false, or a funnel", "shipped")
        if switch is False:
            break
    return funnels


def _read(file: _FunnelFile, name: str) -> Funnel:
    values = file.mapping(file.document[name], name)
    file.known(values, {"title", "steps", "window", "order", "exclude"}, name)
    for key in ("steps", "exclude"):
        if not isinstance(items := values.get(key, []), list) or not all(isinstance(item, str) for item in items):
            raise file.wrong(f"'{key}' takes a list of events", name, key)
    try:
        return Funnel(
            str(values.get("title", name)),
            tuple(map(parse_step, values.get("steps", []))),
            parse_window(str(values.get("window", "14d"))),
            one_of(str(values.get("order", "ordered")), Order, "order"),
            tuple(values.get("exclude", [])),
        )
    except UsageError as error:
        raise file.wrong(error.message, name, hint=error.hint) from error


def funnel_of(steps: Sequence[str], named: dict[str, Funnel], read: Callable[[str], EventStep] = parse_step) -> Funnel:
    """The funnel of this name, or of these steps, each parsed by ``read``; raises UsageError."""
    if len(steps) == 1 and steps[0] in named:
        return named[steps[0]]
    if len(steps) == 1:
        there_are = f"there are {', '.join(named)}; else " if named else "funnels.yaml has none: "
        hint = did_you_mean(steps[0], named, f"{there_are}name two steps or more")
        raise UsageError(f"no funnel is called '{steps[0]}', and a step alone is none", hint)
    parsed = tuple(map(read, steps))
    return Funnel(" → ".join(step.text for step in parsed), parsed)


def ask(runner: Runner, funnel: Funnel, scope: Scope, *, trend: bool = False) -> FunnelAnswer:
    """Count the persons who reached each step, and with ``trend`` the last step of those that began in each bucket.

    Raises UsageError for an event that never occurred, and for a trend without a window.
    """
    if trend and funnel.window is None:
        raise UsageError(
            f"without a time to convert in, no {scope.interval} is ever over", "--window 14d, or no --interval"
        )
    _require(runner, funnel, scope)
    table = answer(runner, _query(funnel), scope, **_values(funnel, scope), trend=trend)
    rows = table.dicts()
    if not rows or len({row["step"] for row in rows}) < len(funnel.steps):
        require_steps(runner, funnel.steps)
    ranks = sorted({int(row["group_rank"]) for row in rows}) or [1]
    of_ranks = [[row for row in rows if row["group_rank"] == rank] for rank in ranks]
    groups = (
        replace(_group(funnel, scope, own), trend=_trend(funnel, scope, own) if trend else ()) for own in of_ranks
    )
    return FunnelAnswer(
        funnel, scope, tuple(values_first(groups, lambda group: group.name)), replace(table, title=funnel.title)
    )


def dropped(runner: Runner, funnel: Funnel, scope: Scope, step: int) -> Table:
    """The persons who reached step number ``step`` and no later one, those who did so last first.

    Raises UsageError as `ask` does.
    """
    _require(runner, funnel, scope)
    require_steps(runner, funnel.steps)
    table = answer(runner, _query(funnel), scope, **_values(funnel, scope), each=step)
    at = [table.names.index(name) for name in ("person_id", "email", "first_at")]
    rows = sorted(([row[i] for i in at] for row in table.rows), key=lambda row: (row[2], row[0]), reverse=True)
    columns = tuple(table.columns[i] for i in at)
    columns = (*columns[:2], replace(columns[2], name="reached_at"))
    return replace(table, columns=columns, rows=[tuple(row) for row in rows], title=f"Stopped at step {step}")


def _require(runner: Runner, funnel: Funnel, scope: Scope) -> None:
    """Raise UsageError for an exclusion that never occurred, and a condition on a property that nothing has."""
    require_events(runner, funnel.exclusions)
    named = [name for step in funnel.steps for name in properties_of(step.condition)]
    require_known(runner, named, scope.since, scope.until)


def _query(funnel: Funnel) -> str:
    return "posthog/funnel_unordered" if funnel.order == "unordered" else "posthog/funnel"


def _values(funnel: Funnel, scope: Scope) -> dict[str, object]:
    # the query's steps have | between events, so an event whose name has a | becomes a condition on any event
    names, conditions = [], []
    for step in funnel.steps:
        plain = not any("|" in name for name in step.events)
        names.append("|".join(step.events) if plain else "")
        called = [] if plain else [f"event IN ({', '.join(map(quoted, step.events))})"]
        conditions.append(" AND ".join([*called, *([f"({step.condition})"] if step.condition else [])]) or "true")
    values = {"steps": names, "conditions": conditions, "window": funnel.seconds(scope)}
    if funnel.order == "unordered":
        return values
    return {**values, "strict": funnel.order == "strict", "exclusions": list(funnel.exclusions)}


def _group(funnel: Funnel, scope: Scope, rows: Sequence[NamedRow]) -> FunnelGroup:
    at = {int(row["step"]): row for row in rows if row["bucket"] < 0}
    counts = [int(at[n]["persons"]) if n in at else 0 for n in range(1, len(funnel.steps) + 1)]
    steps = tuple(
        FunnelStep(
            EventStep(f"{n + 1} of {len(counts)} steps", ()) if funnel.order == "unordered" else step,
            counts[n],
            counts[max(n - 1, 0)],
            counts[0],
            int(row.get("open", 0)),
            int(row.get("at_once", 0)),
            _known(row.get("mean_seconds")),
            _known(row.get("median_seconds")),
        )
        for n, step in enumerate(funnel.steps)
        for row in [at.get(n + 1, {})]
    )
    rank, value = (int(rows[0]["group_rank"]), rows[0]["group_value"]) if rows else (1, None)
    return FunnelGroup(scope.group_name(rank, value), steps)


def _trend(funnel: Funnel, scope: Scope, rows: Sequence[NamedRow]) -> tuple[ShareBucket, ...]:
    counts = {(int(row["bucket"]), int(row["step"])): int(row["persons"]) for row in rows}
    window, last = timedelta(seconds=funnel.seconds(scope)), len(funnel.steps)
    return tuple(
        ShareBucket(
            start,
            Share(counts.get((at, last), 0), counts.get((at, 1), 0)),
            finished=scope.step(start).astimezone(UTC) + window <= scope.end,
        )
        for at, start in enumerate(scope.starts)
    )


def _known(seconds: float | None) -> float | None:
    return float(seconds) if seconds is not None and isfinite(seconds) else None
