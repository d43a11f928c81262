"""Which events play the roles that the library names, a first funnel of them, and segments by the key action."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from usertrack.core.document import Document, Facts
from usertrack.core.words import people_words, plural
from usertrack.library.events import NONE, ROLES, parse_step
from usertrack.mapping import rules
from usertrack.mapping.names import words
from usertrack.mapping.proposal import Proposal
from usertrack.workspace.scaffold import FUNNELS

KEY_ACTION = "feature_used"
_FUNNEL = ("signed_up", "setup_done", KEY_ACTION)
_ACTIONS = 5  # key actions at the most, so that a list of features fits on a screen


@dataclass(frozen=True)
class EventCount:
    """An event, how often it occurred, by how many people, and how often four of five of them do it in 30 days."""

    name: str
    events: int
    people: int
    usual: int | None


def proposed_roles(counts: Sequence[EventCount]) -> dict[str, str]:
    """Return the step of each role whose usual event is not among ``counts``; none where there is no such event.

    Of a project without any events nothing can be said.
    """
    names = {count.name for count in counts}
    roles: dict[str, str] = {}
    for role, usual in ROLES.items() if counts else ():
        if not set(parse_step(usual.default).events) & names:
            own = [count for count in counts if not count.name.startswith("$") and count.name not in _taken(roles)]
            roles[role] = _key_actions(own) if role == KEY_ACTION else _step(role, own)
    return roles


def _taken(roles: Mapping[str, str]) -> set[str]:
    """The events that have a role already, or are called as one usually is."""
    steps = [*roles.values(), *(role.default for role in ROLES.values())]
    return {event for step in steps if step != NONE for event in parse_step(step).events}


def _step(role: str, counts: Sequence[EventCount]) -> str:
    for pattern in rules.groups("event_roles").get(role, ()):
        for count in counts:
            if set(pattern.split()) <= set(words(count.name)):
                return escaped(count.name)
    return NONE


def _key_actions(counts: Sequence[EventCount]) -> str:
    """Return the events that people repeat, and that are more than a look, as a step."""
    actions = [
        escaped(count.name)
        for count in counts
        if count.events > count.people and not rules.words("passive_events") & set(words(count.name))
    ]
    return "|".join(actions[:_ACTIONS]) or NONE


def set_copies(proposals: Iterable[Proposal], counts: Sequence[EventCount]) -> None:
    """Say of each proposal which events tell of the same as its rows: ``order_created`` of a row of orders."""
    left = [count.name for count in counts if not count.name.startswith("$")]
    for proposal in proposals:
        if proposal.kind.name not in _ACTED:
            continue
        nouns = {proposal.table.words[-1], *(["run"] if proposal.kind.name == "runs" else [])}
        own = [name for name in left if nouns & {*words(name)} and rules.words("event_ends") & {*words(name)}]
        proposal.same_as = tuple(own)
        left = [name for name in left if name not in own]


_ACTED = ("runs", "calls", "code_runs", "agent_runs", "deployments")  # a row of these is something that somebody did


def escaped(name: str) -> str:
    return re.sub(r"([\\|\[])", r"\\\1", name)


def roles_document(roles: Mapping[str, str], counts: Sequence[EventCount]) -> Document:
    """Each role with its event and how many people did it: as proposed in ``roles``, else the usual one."""
    pairs = []
    for role, about in ROLES.items():
        text = roles.get(role) or about.default
        known = _counted(text, counts)
        usual = "" if role in roles else ", as usual"
        shown = " · ".join(
            f"{count.name} ({people_words(count.people)}, {plural(count.events, 'time')})" for count in known
        )
        pairs.append((role, f"{shown or NONE}{usual}  ({about.about})"))
    return Document("events: what yours are called", (Facts(tuple(pairs)),))


def _counted(step: str, counts: Sequence[EventCount]) -> list[EventCount]:
    """The events of ``step`` that there are, the one of most people first."""
    events = () if step == NONE else parse_step(step).events
    return [count for count in counts if count.name in events]


def funnels_text(roles: Mapping[str, str], counts: Sequence[EventCount]) -> str:
    """Return funnels.yaml, with a funnel over sign-up, activation and key action where there are two of them."""
    steps = [known[0] for role in _FUNNEL if (known := _counted(roles.get(role) or ROLES[role].default, counts))]
    if len(steps) < 2:
        return FUNNELS
    lines = [
        f"    - {json.dumps(escaped(step.name), ensure_ascii=False)}  # {people_words(step.people)}" for step in steps
    ]
    return "\n".join([FUNNELS, "activation: # from your own events", "  title: Activation", "  steps:", *lines, ""])


def with_usage(text: str, roles: Mapping[str, str], counts: Sequence[EventCount]) -> str:
    """Return segments.yaml with the set `usage` by the key action, where there is one and the set is not there."""
    known = _counted(roles.get(KEY_ACTION) or ROLES[KEY_ACTION].default, counts)
    asked = re.search(r"^( +)- posthog/presence.*\n", text, re.MULTILINE)
    if not known or not asked or "posthog/key_actions" in text or not re.search(r"^sets:", text, re.MULTILINE):
        return text
    names = ", ".join(count.name for count in known)
    query = f"{asked[1]}- posthog/key_actions: {{days: 30}}\n"
    # beyond what four of five of those who do it reach, and more than once
    return (
        text[: asked.end()]
        + query
        + text[asked.end() :].rstrip()
        + _USAGE.format(names=json.dumps(names, ensure_ascii=False)[1:-1], many=max(known[0].usual or 0, 1))
    )


_USAGE = """

  usage: # from your own events; key actions are {names}
    precedence: [regular, looking]
    segments:
      regular:
        name: Regulars
        action: Ask what they would miss
        when: key_actions > {many} # four of five of those who do it, do it that often in 30 days at the most
        priority: least(5, 1 + key_actions / 25)
        because: "{{key_actions}} key actions in 30 days"
      looking:
        name: Looks, and does not act
        action: Show how
        when: events_recent > 0 AND key_actions = 0
        priority: least(5, 1 + events_recent / 50)
        because: "{{events_recent}} events in 30 days, and no key action"
"""
