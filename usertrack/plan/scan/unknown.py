"""Calls that look as if they sent an event: on what the code does not define, or of functions in unscanned files."""

import re
from collections.abc import Iterator

from usertrack.plan.scan.evaluation import Evaluator
from usertrack.plan.scan.receivers import TEXTS, Receivers
from usertrack.plan.scan.sinks import METHODS
from usertrack.plan.scan.syntax import Call, CodeFunction, Expression, ImportedName, Member, Name, callee_name
from usertrack.plan.scan.values import ObjectValue, ParameterValue, TemplateValue, TextValue

EVENT_KEYS = ("event", "name", "type", "eventName", "event_name", "eventType", "event_type", "action")
"""Where the event may be in an object that holds all; the most telling first."""
_VERB = re.compile(rb"(?:[tT]rack|[cC]apture)\w*(?=\()")
_NO_EVENT = re.compile(rb"exception|error|message|tracker", re.IGNORECASE)
"""What else is captured."""


def likely_sink(call: Call, evaluator: Evaluator) -> str | None:
    """The entry of `sinks:` by which a scan reads ``call``; None where it does not look as if it sent an event."""
    if callee_name(call) not in METHODS:
        return None
    if not isinstance(call.callee, Member):  # a parameter, which callers hand over
        callees = evaluator.evaluate(call.callee, call.scope)
        if not any(isinstance(value, ParameterValue) for value in callees):
            return None
    place = next(_places(call, evaluator), None)
    return f"{{call: {'.'.join(_dotted(call.callee))}, {place}}}" if place else None


def _places(call: Call, evaluator: Evaluator) -> Iterator[str]:
    """Yield where the event can be: a text, or a text in an object."""
    for position, argument in enumerate(call.arguments[:2]):
        if _is_text(argument.value, call.scope, evaluator):
            yield f"keyword: {argument.keyword}" if argument.keyword else f"position: {position}"
    for argument in call.arguments[:1]:
        for value in evaluator.evaluate(argument.value, call.scope):
            if isinstance(value, ObjectValue):
                texts = {e.key for e in value.object.entries if _is_text(e.value, value.scope, evaluator)}
                yield from (f"keyword: {key}" for key in EVENT_KEYS if key in texts)


def _is_text(expression: Expression, scope: CodeFunction, evaluator: Evaluator) -> bool:
    return any(isinstance(value, TextValue | TemplateValue) for value in evaluator.evaluate(expression, scope))


def _dotted(callee: Expression) -> list[str]:
    """The names of what is called, without what stands before a call or `this`."""
    match callee:
        case Member(value=inner, name=name):
            return [*_dotted(inner), name]
        case Name(name=name):
            return [name]
    return []


def unscanned_calls(receivers: Receivers) -> Iterator[Call]:
    """Yield calls of functions in files that were not scanned.

    They hand over a text, an object, or what their own function is given.
    """
    names = receivers.program.words_with(_VERB, _NO_EVENT)
    receivers.program.parse_files_with(names)
    for name in names:
        for call in receivers.program.calls[name]:
            receivers.evaluator.begin(call)
            if _is_imported_from_elsewhere(call, receivers) and receivers.hands_over(
                call, (*TEXTS, ObjectValue, ParameterValue)
            ):
                yield call


def _is_imported_from_elsewhere(call: Call, receivers: Receivers) -> bool:
    callee: Expression = call.callee
    while isinstance(callee, Member):
        callee = callee.value
    if not isinstance(callee, Name):
        return False
    importer = receivers.evaluator.path_of(call.scope)
    bindings, _ = receivers.evaluator.bindings_of(callee.name, call.scope)
    modules = [binding.value.module for binding in bindings if isinstance(binding.value, ImportedName)]
    return any(receivers.program.is_unscanned(module, importer) for module in modules)
