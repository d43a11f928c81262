"""Finds where code sets properties of persons and groups: `identify`, `group_identify`, `$set` beside an event.

A wrapper is not followed by its name: what it is given is looked up at those who call it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from usertrack.plan.scan.callers import Callers
from usertrack.plan.scan.properties import keys_of
from usertrack.plan.scan.receivers import Receivers
from usertrack.plan.scan.sinks import BY_NAME, METHODS, sent_by
from usertrack.plan.scan.site import ProfileSite
from usertrack.plan.scan.syntax import Call, CodeFunction, Expression, Member, Object
from usertrack.plan.scan.values import (
    ObjectValue,
    ParameterValue,
    Sdk,
    TextValue,
    keyword_argument,
    positional_argument,
)

WORDS = (
    *("setPersonProperties", "group_identify", "groupIdentify", "$set", "$set_once", "$group_set", "usePostHog"),
    *(
        f"{client}.{method}"
        for client in ("posthog", "posthog?")
        for method in ("identify", "group", "set", "set_once")
    ),
    "track.identify",
)
"""In files that have one of them, a profile may be set; `identify`, `group` and `set` alone are in too many."""
_OF_PERSONS = ("identify", "setPersonProperties", "set", "set_once")
_OF_GROUPS = ("group_identify", "groupIdentify", "group")
_WITHOUT_GROUP_TYPES = ("segment", "rudderstack", "jitsu", "amplitude", "mixpanel")


@dataclass(frozen=True)
class _Setting:
    """The properties that one call sets: ``group_type`` is where that of a group is written, None for a person."""

    of: Literal["person", "group"]
    properties: Expression
    group_type: Expression | None = None


def profile_sites(receivers: Receivers) -> Iterator[ProfileSite]:
    """All places of the parsed files, and of those that have one of ``WORDS``."""
    receivers.program.parse_files_with(WORDS)
    for name in (*_OF_PERSONS, *_OF_GROUPS, *sorted(METHODS)):
        for call in list(receivers.program.calls.get(name, ())):
            if not _may_set(name, receivers.evaluator.path_of(call.scope), receivers):
                continue
            receivers.evaluator.begin(call)
            values = receivers.evaluator.evaluate(call.callee, call.scope)
            sdk = next((value for value in values if isinstance(value, Sdk) and value.method), None)
            for setting in _settings(call, sdk, receivers.evaluator) if sdk is not None else ():
                yield from _sites_of(call, setting, f"{sdk.product}.{sdk.method}" if sdk else "", receivers.evaluator)


def _may_set(name: str, path: str, receivers: Receivers) -> bool:
    """Whether a call of ``name`` in a file is worth a look: most are of something else."""
    if name in METHODS:
        return receivers.program.mentions(path, ("$set", "$group_set"))
    return name not in ("set", "set_once", "group") or receivers.program.mentions(path, ("posthog", "PostHog"))


def _settings(call: Call, sdk: Sdk, evaluator: Callers) -> Iterator[_Setting]:
    python = evaluator.is_python(call.scope)
    if sdk.method in BY_NAME[sdk.product].methods:
        sent = sent_by(BY_NAME[sdk.product], sdk.method, call, python=python)
        wholes = [Member(whole, "properties", call.line) for whole in _objects(call, evaluator)]
        for properties in [*wholes, *([sent.properties] if sent and sent.properties else [])]:
            yield from (_Setting("person", Member(properties, key, call.line)) for key in ("$set", "$set_once"))
            group_type = Member(properties, "$group_type", call.line)
            yield _Setting("group", Member(properties, "$group_set", call.line), group_type)
    elif sdk.method == "setPersonProperties":
        yield from (_Setting("person", argument) for argument in _arguments(call, (0, 1)))
    elif sdk.method in ("set", "set_once", "identify") and (python or sdk.method == "identify"):
        yield from (_Setting("person", argument) for argument in _arguments(call, (1, 2), "properties", "set_once"))
        for whole in _objects(call, evaluator):
            yield _Setting("person", Member(whole, "properties", call.line))
    elif sdk.method in _OF_GROUPS and sdk.product not in _WITHOUT_GROUP_TYPES:
        kind = positional_argument(call, 0) or keyword_argument(call, "group_type")
        for whole in _objects(call, evaluator):
            kind = Member(whole, "groupType", call.line)
            yield _Setting("group", Member(whole, "properties", call.line), kind)
        yield from (_Setting("group", argument, kind) for argument in _arguments(call, (2,), "properties"))


def _arguments(call: Call, positions: Sequence[int], *keywords: str) -> list[Expression]:
    ways = [positional_argument(call, position) for position in positions]
    ways += [keyword_argument(call, keyword) for keyword in keywords]
    return [way for way in ways if way is not None]


def _objects(call: Call, evaluator: Callers) -> list[Expression]:
    """The first argument, where it is one object that holds all."""
    first = positional_argument(call, 0)
    if first is None:
        return []
    return [first] if any(isinstance(v, ObjectValue) for v in evaluator.evaluate(first, call.scope)) else []


def _sites_of(call: Call, setting: _Setting, sink: str, evaluator: Callers) -> Iterator[ProfileSite]:
    names: dict[str, None] = {}
    keys = keys_of(evaluator, setting.properties, call.scope)
    is_complete = bool(keys) or isinstance(setting.properties, Object)
    for key in keys:
        if isinstance(key.name, str):
            names[key.name] = None
            continue
        handed = [value for value in evaluator.concrete(key.name) if isinstance(value, ObjectValue)]
        is_complete = is_complete and bool(handed)
        for value in handed:
            names.update(dict.fromkeys(entry.key for entry in value.object.entries if entry.key is not None))
            is_complete = is_complete and not any(entry.spread for entry in value.object.entries)
    if not names and (isinstance(setting.properties, Member) or is_complete):
        return  # nothing is set there
    kinds: list[str | None] = [None]
    if setting.group_type is not None:
        kinds = [*dict.fromkeys(_texts(setting.group_type, call.scope, evaluator))] or [None]
    for kind in kinds:
        yield ProfileSite(setting.of, kind, evaluator.path_of(call.scope), call.line, sink, tuple(names), is_complete)


def _texts(expression: Expression, scope: CodeFunction, evaluator: Callers) -> Iterator[str]:
    for value in evaluator.evaluate(expression, scope):
        for inner in evaluator.concrete(value) if isinstance(value, ParameterValue) else (value,):
            if isinstance(inner, TextValue):
                yield inner.text
