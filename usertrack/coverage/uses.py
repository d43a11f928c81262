"""Finds what rests on events: steps of funnels, facts of segments, the workspace's own queries and roles of events."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any, Literal

from usertrack.core.errors import UsageError
from usertrack.library.events import NONE, ROLES, EventStep, parse_step
from usertrack.library.library import Library, Query, shipped_root
from usertrack.library.sql import events_of, properties_of, tokens_of
from usertrack.plan.model import Plan
from usertrack.product.funnel.numbers import Funnel, named_funnels
from usertrack.segments.applicable import applicable
from usertrack.segments.expressions import base_columns, parse
from usertrack.segments.rules import Rules, Segment, read_rules
from usertrack.workspace.files import funnel_paths, rules_path
from usertrack.workspace.settings import Settings

Kind = Literal["funnel", "segment", "query", "role"]


@dataclass(frozen=True)
class PlannedUse:
    """One thing that counts ``events``: any of them will do, and without any it counts all that happens.

    ``name`` is that of the funnel, segment (``set/segment``), query or role, ``part`` its step or fact. ``properties``
    are those of the event that its condition reads.
    """

    kind: Kind
    name: str
    part: str
    events: tuple[str, ...]
    properties: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.kind} {self.name}"


def uses_of(settings: Settings, library: Library, plan: Plan | None, *, every: bool = False) -> list[PlannedUse]:
    """Return what rests on events here: what the plan names, and what the workspace has of its own.

    The shipped funnels and segments are in it where there is nothing else, or with ``every``. Raises UsageError.
    """
    files, rules_file = funnel_paths(settings), rules_path(settings)
    own_funnels = named_funnels(files if every or len(files) == 1 else files[:-1])
    leaves_shipped = bool(plan and plan.funnels) and len(files) == 1 and not every
    is_own = rules_file != shipped_root() / "segments.yaml"
    return [
        *funnel_uses(plan, named_funnels(files), () if leaves_shipped else own_funnels),
        *segment_uses(
            plan,
            applicable(read_rules(rules_file), library),
            library,
            every=every or is_own or not (plan and plan.segments),
        ),
        *query_uses(library),
        *role_uses(library, every=every),
    ]


def funnel_uses(plan: Plan | None, funnels: Mapping[str, Funnel], own: Iterable[str]) -> list[PlannedUse]:
    """The steps of the funnels that the plan names and of the workspace's ``own``.

    Raises UsageError for one that there is not.
    """
    planned = plan.funnels if plan else {}
    uses: list[PlannedUse] = []
    for name in dict.fromkeys([*planned, *own]):
        if name in planned and planned[name].steps:
            steps = [_step(plan, name, text) for text in planned[name].steps]
        elif name in funnels:
            steps = list(funnels[name].steps)
        else:
            where = f"{plan.path}:{planned[name].line}: " if plan else ""
            raise UsageError(f"{where}no funnel is called '{name}'", "give it steps, or add it to funnels.yaml")
        uses += [
            PlannedUse("funnel", name, step.text, step.events, _event_properties(step.condition)) for step in steps
        ]
    return uses


def _step(plan: Plan | None, funnel: str, text: str) -> EventStep:
    try:
        return parse_step(text)
    except UsageError as error:
        line = plan.funnels[funnel].line if plan else 1
        raise UsageError(f"{plan and plan.path}:{line}: {error.message}", error.hint) from error


def _event_properties(condition: str) -> tuple[str, ...]:
    named = properties_of(condition) if condition else []
    return tuple(name for name in named if not name.startswith(("person.", "$")))


def segment_uses(plan: Plan | None, rules: Rules, library: Library, *, every: bool) -> list[PlannedUse]:
    """The facts that come from events, of the segments that the plan names, or of ``every`` one.

    Raises UsageError for a segment that there is not.
    """
    planned = plan.segments if plan else {}
    if planned and plan:
        known = {part for name in rules.sets for part in _ids(rules, name)}
        for name, segment in planned.items():
            if name not in known and not segment.events:
                raise UsageError(
                    f"{plan.path}:{segment.line}: no segment is called '{name}'", "segments.yaml says which there are"
                )
    # the events that every fact of PostHog comes from
    facts: dict[str, tuple[str, ...]] = {}
    for query_name, params in rules.queries.items():
        query = library[query_name]
        if query.source == "posthog":
            values = {**_values(query), **params}
            whole = _events(query.sql, values)
            facts |= {fact: _events(_column(query.sql, fact), values) or whole for fact in query.facts}
    uses = [
        PlannedUse("segment", f"{set_name}/{segment.id}", fact, facts[fact])
        for set_name, segment_set in rules.sets.items()
        for segment in segment_set.segments
        if every or {segment.id, f"{set_name}/{segment.id}"} & set(planned)
        for fact in _facts_in(segment, rules)
        if fact in facts
    ]
    return uses + [
        PlannedUse("segment", name, event, (event,)) for name, segment in planned.items() for event in segment.events
    ]


def _ids(rules: Rules, set_name: str) -> Iterator[str]:
    for segment in rules.sets[set_name].segments:
        yield from (segment.id, f"{set_name}/{segment.id}")


def _facts_in(segment: Segment, rules: Rules) -> list[str]:
    """The facts that the queries of the profile yield, of the condition, the priority and the reason."""
    where = str(rules.path)
    derived: dict[str, Any] = {fact.name: parse(fact.sql, where) for fact in rules.derived}
    fields = [field for _, field, _, _ in Formatter().parse(re.sub(r"[\[\]]", "", segment.because)) if field]
    expressions = [parse(sql, where) for sql in (segment.when, segment.priority, *fields)]
    return list(dict.fromkeys(name for expression in expressions for name in base_columns(expression, derived)))


def _column(sql: str, name: str) -> str:
    """Return what stands before ``AS name`` in the first SELECT that has it; empty where it is not computed there."""
    tokens = tokens_of(sql, "posthog")
    for at, token in enumerate(tokens[:-1]):
        if token.text.upper() == "AS" and tokens[at + 1].text == name:
            depth = 0
            for start in range(at - 1, -1, -1):
                text = tokens[start].text.upper()
                if not depth and text in (",", "SELECT", "(", "["):
                    return sql[tokens[start].end + 1 : token.start]
                depth += (text in (")", "]")) - (text in ("(", "["))
    return ""


def _events(sql: str, values: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(event for events in events_of(sql, values) for event in events)) if sql else ()


def _values(query: Query) -> dict[str, object]:
    return {name: parameter.default for name, parameter in query.params.items() if parameter.default is not None}


def query_uses(library: Library) -> list[PlannedUse]:
    """The workspace's own queries, with the events that they name. One that cannot be read is `check`'s to tell."""
    uses = []
    for name in library:
        try:
            query = library[name] if not library.files[name][1] and name.startswith("posthog/") else None
        except UsageError:
            continue
        if query and (events := events_of(query.sql, _values(query))):
            properties = _event_properties(query.sql)
            uses += [PlannedUse("query", name, " or ".join(names), tuple(names), properties) for names in events]
    return uses


def role_uses(library: Library, *, every: bool = False) -> list[PlannedUse]:
    """The events of the roles that usertrack.yaml names, or of ``every`` role; the usual events are nobody's choice."""
    return [
        PlannedUse("role", name, step, parse_step(step).events)
        for name, step in library.roles.items()
        if step != NONE and (every or step != ROLES[name].default)
    ]
