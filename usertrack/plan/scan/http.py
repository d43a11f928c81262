"""Events that are sent to PostHog over plain HTTP: an object with `event` and `distinct_id`, handed to a request."""

from collections.abc import Iterator

from usertrack.plan.scan.evaluation import Evaluator
from usertrack.plan.scan.program import Program
from usertrack.plan.scan.syntax import Call, CodeFunction, Expression, Name, callee_name
from usertrack.plan.scan.values import ListValue, ObjectValue, Value

REQUESTS = frozenset(
    {
        "fetch",
        "post",
        "request",
        "sendBeacon",
        "urlopen",
        "Request",
        "axios",
        "got",
        "ky",
        "put",
        "send",
        "$fetch",
        "ofetch",
        "dispatch",
        "apost",
    }
)
QUEUES = ("push", "append", "put_nowait", "unshift", "appendleft")
"""Methods that put an event aside, in a file that makes requests."""
PERSONS = frozenset(("distinct_id", "distinctId", "$distinct_id"))
DEEPEST = 5  # lists and keys around an event in the body of a request: bounds the work


def http_payloads(evaluator: Evaluator, program: Program) -> Iterator[tuple[Call, ObjectValue]]:
    """Each object of an event that a request of the parsed files sends, with the request."""
    seen: set[object] = set()
    sending = {call.scope.file for name in REQUESTS for call in program.calls.get(name, ())}
    for name in (*sorted(REQUESTS), *QUEUES):
        for call in list(program.calls.get(name, ())):
            if name in QUEUES and call.scope.file not in sending:
                continue
            evaluator.begin(call)
            for argument in call.arguments:
                for payload in _objects(evaluator, argument.value, call.scope, 0):
                    if payload.object not in seen and _is_event(evaluator, payload):
                        seen.add(payload.object)
                        yield call, payload


def _objects(evaluator: Evaluator, expression: Expression, scope: CodeFunction, depth: int) -> Iterator[ObjectValue]:
    """The objects that an argument is, or holds: through `JSON.stringify`, lists and keys."""
    if depth > DEEPEST:
        return
    if isinstance(expression, Call) and callee_name(expression) in ("stringify", "dumps", "encode"):
        for argument in expression.arguments[:1]:
            yield from _objects(evaluator, argument.value, scope, depth + 1)
        callee = getattr(expression.callee, "value", None)
        if callee is not None and not isinstance(callee, Name):
            yield from _objects(evaluator, callee, scope, depth + 1)
        return
    if isinstance(expression, Name):
        bindings, _ = evaluator.bindings_of(expression.name, scope)
        for binding in bindings:
            if isinstance(binding.value, Call):
                yield from _objects(evaluator, binding.value, binding.scope, depth + 1)
    for value in evaluator.evaluate(expression, scope):
        yield from _inner(evaluator, value, depth)


def _inner(evaluator: Evaluator, value: Value, depth: int) -> Iterator[ObjectValue]:
    match value:
        case ObjectValue(object=payload, scope=scope):
            yield value
            for entry in payload.entries:
                if entry.key in ("body", "json", "data", "batch", "payload", "content") or entry.spread:
                    yield from _objects(evaluator, entry.value, scope, depth + 1)
        case ListValue(list=array, scope=scope):
            for item in array.items:
                yield from _objects(evaluator, item, scope, depth + 1)


def _is_event(evaluator: Evaluator, payload: ObjectValue) -> bool:
    keys = {entry.key for entry in payload.object.entries}
    if "event" not in keys:
        return False
    if keys & PERSONS:
        return True
    properties = [entry for entry in payload.object.entries if entry.key == "properties"]
    return any(
        isinstance(value, ObjectValue) and PERSONS & {inner.key for inner in value.object.entries}
        for entry in properties
        for value in evaluator.evaluate(entry.value, payload.scope)
    )
