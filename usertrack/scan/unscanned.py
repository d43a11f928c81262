"""Calls that look as if they sent an event, of functions of the project's own that are not among the scanned files."""

import re
from collections.abc import Iterator

from usertrack.scan.receivers import TEXTS, Receivers
from usertrack.scan.syntax import Call, Expression, Imported, Member, Name
from usertrack.scan.values import ObjectValue, ParameterValue

_VERB = re.compile(rb"(?:[tT]rack|[cC]apture)\w*(?=\()")
_NO_EVENT = re.compile(rb"exception|error|message|tracker", re.IGNORECASE)
"""What else is captured."""


def unscanned_calls(receivers: Receivers) -> Iterator[Call]:
    """Those that hand over a text, an object, or what their own function is given."""
    names = receivers.program.words_with(_VERB, _NO_EVENT)
    receivers.program.parse_files_with(names)
    for name in names:
        for call in receivers.program.calls[name]:
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
    modules = [binding.value.module for binding in bindings if isinstance(binding.value, Imported)]
    return any(receivers.program.is_unscanned(module, importer) for module in modules)
