"""Finds what `usertrack_track` sends by itself: failed requests and jobs, and properties that are declared."""

import re
from collections.abc import Iterator

from usertrack.plan.scan.receivers import Receivers
from usertrack.plan.scan.site import CallSite, ProfileSite, SentProperty
from usertrack.plan.scan.syntax import Call, CodeFunction, Expression
from usertrack.plan.scan.values import Sdk, TextValue, keyword_argument, positional_argument

EVENT = "error_occurred"
PROPERTIES = (SentProperty("view", True), SentProperty("error_type", True), SentProperty("dropped", False))
WORDS = ("track_error", "ErrorTracking", "person_property", "group_property")
_IN_SETTINGS = re.compile(rb"^[^#\n]*?[\"']usertrack[._]track\.django\.ErrorTracking[\"']", re.MULTILINE)
"""Django names its middleware by texts."""


def error_sites(receivers: Receivers) -> Iterator[CallSite]:
    """Yield where a middleware is put in, or derived from, and where `track_error` is called."""
    program, evaluator = receivers.program, receivers.evaluator
    program.parse_files_with(WORDS)
    for call in list(program.calls.get("track_error", ())):
        evaluator.begin(call)
        if _is_ours(call.callee, call.scope, "track_error", receivers):
            yield _error_site(evaluator.path_of(call.scope), call.line, "usertrack.track_error")
    for file in [file for file in program.parsed if program.mentions(file.path, ("ErrorTracking",))]:
        uses = [
            (call.line, expression, call.scope)
            for function in file.functions
            for call in function.calls
            for expression in (call.callee, *(argument.value for argument in call.arguments))
        ]
        uses += [(owner.line, base, owner.scope) for owner in file.classes for base in owner.bases]
        lines = set(program.lines_of(file.path, _IN_SETTINGS))
        for line, used, scope in uses:
            evaluator.budget.begin(file.path, line)
            if _is_ours(used, scope, "ErrorTracking", receivers):
                lines.add(line)
        for line in sorted(lines):
            yield _error_site(file.path, line, "usertrack.ErrorTracking")


def declared_profiles(receivers: Receivers) -> Iterator[ProfileSite]:
    """The functions that are declared as a property of persons, or of a type of group."""
    receivers.program.parse_files_with(WORDS)
    for file in list(receivers.program.parsed):
        for function in file.functions:
            for decorator in function.decorators:
                if isinstance(decorator, Call):
                    receivers.evaluator.begin(decorator)
                    path = receivers.evaluator.path_of(decorator.scope)
                    name = _text(keyword_argument(decorator, "name"), decorator, receivers) or function.name
                    if _is_ours(decorator.callee, decorator.scope, "person_property", receivers):
                        yield ProfileSite("person", None, path, decorator.line, "usertrack.person_property", (name,))
                    elif _is_ours(decorator.callee, decorator.scope, "group_property", receivers):
                        kind = positional_argument(decorator, 0) or keyword_argument(decorator, "group_type")
                        group_type = _text(kind, decorator, receivers)
                        yield ProfileSite(
                            "group", group_type, path, decorator.line, "usertrack.group_property", (name,)
                        )


def _error_site(path: str, line: int, sink: str) -> CallSite:
    return CallSite(EVENT, None, path, line, sink, (), PROPERTIES)


def _is_ours(used: Expression, scope: CodeFunction, name: str, receivers: Receivers) -> bool:
    """Whether an expression is ``name`` of our library."""
    return any(
        isinstance(value, Sdk) and value.product == "usertrack" and value.method == name
        for value in receivers.evaluator.evaluate(used, scope)
    )


def _text(expression: Expression | None, call: Call, receivers: Receivers) -> str | None:
    values = receivers.evaluator.evaluate(expression, call.scope) if expression is not None else ()
    return next((value.text for value in values if isinstance(value, TextValue)), None)
