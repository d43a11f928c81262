"""Finds what a plan leaves open: owners, phases, acceptance, scopes, and names that it does not have."""

import re
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import PurePosixPath

from usertrack.core.errors import did_you_mean
from usertrack.plan.finding import Place, PlanFinding, Rule
from usertrack.plan.lint.vocabulary import word_set
from usertrack.plan.lint.words import stem, words_of
from usertrack.plan.model import Plan, PlannedEvent, PlannedProperty

INCOMPLETE_EVENT = Rule(
    "incomplete-event",
    "A planned event has an owner, a phase and an acceptance",
    "What belongs to nobody, or to no phase, is not built; without an acceptance nobody sees that it is wrong.",
)
PHASE_WITHOUT_EVENT = Rule(
    "phase-without-event",
    "What a phase changes has events in the plan",
    "Work that no event stands for cannot be checked.",
    "note",
)
UNKNOWN_PROPERTY = Rule(
    "unknown-property",
    "Events have properties of the registry",
    "Nobody knows the type of a property that is not there; a misspelt one is a column of its own.",
    "error",
)
SCOPE = Rule(
    "missing-scope",
    "Events of a scope have its properties",
    "An event without them is in no breakdown and no filter by them.",
)
UNKNOWN_EVENT = Rule(
    "unknown-event",
    "Funnels, segments and metrics rest on events of the plan",
    "An event that nobody plans is a step that may vanish.",
    "error",
)
REPLACED_EVENT = Rule(
    "replaced-event",
    "Funnels and segments rest on events that stay",
    "Once the event is gone, the step counts nobody.",
)
FUNNEL_LACKS = Rule(
    "event-not-in-funnel",
    "A tier with a funnel of its name has all its events in it",
    "An event that was planned for the way is not on it.",
    "note",
)
NO_EVENTS = Rule("no-events", "A plan has events", "Nothing can be held against a plan without any.", "note")
UNKNOWN_RELEASE = Rule(
    "unknown-release",
    "`since` is a date or a tag of git",
    "Without the moment, what must be there is counted over all days, also those before it came.",
)
RULES = (
    NO_EVENTS,
    UNKNOWN_RELEASE,
    INCOMPLETE_EVENT,
    PHASE_WITHOUT_EVENT,
    UNKNOWN_PROPERTY,
    SCOPE,
    UNKNOWN_EVENT,
    REPLACED_EVENT,
    FUNNEL_LACKS,
)
_STEP = re.compile(r"\\.|[|\[]")


def lint_completeness(plan: Plan, place: Place, tags: Collection[str] = ()) -> Iterator[PlanFinding]:
    """``tags`` are those of the repository; none where they are not known."""
    if not plan.events:
        yield place.finding(NO_EVENTS, "events", "the plan has no events", 1, "`usertrack plan init` writes them")
    yield from _incomplete(plan, place)
    yield from _phases_without_events(plan, place)
    yield from _unknown_properties(plan, place)
    yield from _outside_their_scope(plan, place)
    yield from _references(plan, place)
    yield from _not_in_their_funnel(plan, place)
    yield from _unknown_releases(plan, place, tags)


def _unknown_releases(plan: Plan, place: Place, tags: Collection[str]) -> Iterator[PlanFinding]:
    """Yield unknown releases. Without known tags, as in a shallow clone, only names without any digit are none."""
    dated: list[tuple[str, PlannedEvent | PlannedProperty]] = [
        *((f"events.{event.name}", event) for event in plan.events.values()),
        *((f"properties.{prop.name}", prop) for prop in plan.properties.values()),
        *((f"person_properties.{prop.name}", prop) for prop in plan.person_properties.values()),
        *(
            (f"group_properties.{group}.{prop.name}", prop)
            for group, properties in plan.group_properties.items()
            for prop in properties.values()
        ),
    ]
    for subject, item in dated:
        since = item.since
        if since is None or since in tags or _is_date(since) or (not tags and any(map(str.isdigit, since))):
            continue
        message = f"`{item.name}` is there since `{since}`, which is neither a date nor a tag"
        instead = did_you_mean(since, tags, "a date such as 2026-03-01, or a tag")
        yield place.finding(UNKNOWN_RELEASE, subject, message, item.line, instead)


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _incomplete(plan: Plan, place: Place) -> Iterator[PlanFinding]:
    """Yield planned events that lack what other events of the plan have; owners, of which each event has one."""
    has_owners = any(event.owner for event in plan.events.values())
    if plan.events and not has_owners:
        message = "no event has an owner"
        line = min(event.line for event in plan.events.values())
        yield place.finding(INCOMPLETE_EVENT, "events", message, line, "`owner: TEAM` at each event")
    has_phases = bool(plan.phases) or any(event.phase for event in plan.events.values())
    accepted = [*(event.acceptance for event in plan.events.values()), *(p.acceptance for p in plan.phases.values())]
    for event in plan.events.values():
        is_planned = event.status == "planned"
        missing = [
            *(["owner"] if has_owners and not event.owner and event.status != "deprecated" else []),
            *(["phase"] if has_phases and is_planned and not event.phase else []),
            *(["acceptance"] if any(accepted) and is_planned and not _is_accepted(event, plan) else []),
        ]
        if missing:
            message = f"`{event.name}` has no {' and no '.join(missing)}"
            instead = ", ".join(f"`{key}: …`" for key in missing)
            yield place.finding(INCOMPLETE_EVENT, f"events.{event.name}", message, event.line, instead)


def _is_accepted(event: PlannedEvent, plan: Plan) -> bool:
    phase = plan.phases.get(event.phase or "")
    return bool(event.acceptance) or any(event.name in text for text in (phase.acceptance if phase else ()))


def _phases_without_events(plan: Plan, place: Place) -> Iterator[PlanFinding]:
    stems = {stem(_singular(word)) for event in plan.events.values() for word in words_of(event.name)}
    for phase in plan.phases.values():
        for file in phase.files:
            about = _feature_of(file)
            if about and not stems & {stem(_singular(word)) for word in about}:
                message = f"phase {phase.name} changes `{file}`, and no event is about {' '.join(about)}"
                instead = "name the events that it sends, or take the file out of the phase"
                yield place.finding(PHASE_WITHOUT_EVENT, f"phases.{phase.name}.{file}", message, phase.line, instead)


def _feature_of(file: str) -> list[str]:
    """The feature that a file of views is about: `apps/feedback/views.py` → feedback. Empty for other files."""
    path = PurePosixPath(file)
    words = words_of(path.stem)
    if not words or words[-1] not in word_set("views"):
        return []
    return words[:-1] or words_of(path.parent.name)


def _singular(word: str) -> str:
    return word.removesuffix("s") if len(word) > 3 else word


def _unknown_properties(plan: Plan, place: Place) -> Iterator[PlanFinding]:
    if not plan.properties:
        return
    for event in plan.events.values():
        for use in event.properties:
            if use.name in plan.properties or use.name.startswith("$"):
                continue
            instead = did_you_mean(use.name, plan.properties, f"`{use.name}: string` in `properties:`, with its type")
            if use.name in plan.property_aliases:
                instead = f"`{plan.property_aliases[use.name]}`, of which it is an alias"
            message = f"`{event.name}` has `{use.name}`, which is not in the registry"
            yield place.finding(UNKNOWN_PROPERTY, f"events.{event.name}.{use.name}", message, use.line, instead)


def _outside_their_scope(plan: Plan, place: Place) -> Iterator[PlanFinding]:
    """Events without a scope that have its property, or come from a folder whose other events are all in it."""
    beside: dict[str, list[PlannedEvent]] = {}
    for event in plan.events.values():
        for folder in _folders(event):
            beside.setdefault(folder, []).append(event)
    for event in plan.events.values():
        if event.scope:
            continue
        neighbours = [other for folder in _folders(event) for other in beside[folder] if other is not event]
        listed = {use.name for use in event.properties}
        for scope, required in plan.scopes.items():
            own = [name for name in required if name in listed]
            if not own and not (neighbours and all(scope in other.scope for other in neighbours)):
                continue
            because = f"it has `{own[0]}`" if own else f"it is sent beside `{neighbours[0].name}`, which is in it"
            message = f"`{event.name}` is not in the scope {scope}: {because}"
            missing = ", ".join(name for name in required if name not in event.required)
            instead = f"`scope: {scope}`" + (f", which requires {missing}" if missing else "")
            yield place.finding(SCOPE, f"events.{event.name}", message, event.line, instead)


def _folders(event: PlannedEvent) -> set[str]:
    """The folders of the single files that send it."""
    return {str(PurePosixPath(path).parent) for path in event.source if "/" in path and "*" not in path}


def _references(plan: Plan, place: Place) -> Iterator[PlanFinding]:
    """Steps of funnels, events of segments and of metrics."""
    replaced = plan.replaced_by
    resting = [
        (f"funnels.{funnel.name}", "funnel", funnel.name, funnel.steps, funnel.line) for funnel in plan.funnels.values()
    ]
    resting += [
        (f"segments.{segment.name}", "segment", segment.name, segment.events, segment.line)
        for segment in plan.segments.values()
    ]
    resting += [
        (f"metrics.{metric.name}", "metric", metric.name, (metric.event,), metric.line)
        for metric in plan.metrics.values()
        if metric.event
    ]
    for subject, kind, name, texts, line in resting:
        for step in (step for text in texts for step in _events_of(text)):
            event = plan.event_of(step)
            if step in replaced:
                message = f"the {kind} `{name}` rests on `{step}`, which `{replaced[step]}` replaces"
                instead = f"`{replaced[step]}`, or `{step}|{replaced[step]}` while both are sent"
                if not any(replaced[step] in _events_of(text) for text in texts):
                    yield place.finding(REPLACED_EVENT, f"{subject}.{step}", message, line, instead)
            elif event is None:
                message = f"the {kind} `{name}` rests on `{step}`, which is not in the plan"
                instead = did_you_mean(step, plan.events, f"`{step}:` in `events:`, or another step")
                yield place.finding(UNKNOWN_EVENT, f"{subject}.{step}", message, line, instead)
            elif event.status == "deprecated":
                message = f"the {kind} `{name}` rests on `{step}`, which is deprecated"
                yield place.finding(REPLACED_EVENT, f"{subject}.{step}", message, line, "the event that comes after it")


def _events_of(step: str) -> list[str]:
    r"""The events of `a|b[condition]`; none for `*` and PostHog's own. `\|` and `\[` are signs of a name."""
    names, last = [""], 0
    for sign in _STEP.finditer(step):
        names[-1] += step[last : sign.start()]
        last = sign.end()
        if sign[0] == "[":
            last = len(step)
            break
        if sign[0] == "|":
            names.append("")
        else:
            names[-1] += sign[0][1]
    names[-1] += step[last:]
    return [name.strip() for name in names if name.strip() not in ("", "*") and not name.strip().startswith("$")]


def _not_in_their_funnel(plan: Plan, place: Place) -> Iterator[PlanFinding]:
    for name, funnel in plan.funnels.items():
        steps = {event for step in funnel.steps for event in _events_of(step)}
        for event in plan.events.values() if steps else ():
            if event.tier == name and steps.isdisjoint(event.names) and event.status != "deprecated":
                message = f"`{event.name}` is of the tier `{name}`, and no step of the funnel `{name}`"
                yield place.finding(
                    FUNNEL_LACKS, f"events.{event.name}", message, event.line, "a step, or another tier"
                )
