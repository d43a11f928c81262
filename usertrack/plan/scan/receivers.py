"""Finds what a call calls. Where the source does not tell, names may: a variable named after a class or an SDK."""

from collections.abc import Iterator, Mapping, Sequence

from usertrack.plan.scan.callers import Callers
from usertrack.plan.scan.sinks import BY_NAME, GENERIC_CLIENTS, product_of_word
from usertrack.plan.scan.syntax import Call, CodeFunction, Element, Expression, Member, Name, Self, Text
from usertrack.plan.scan.values import (
    ClassInstance,
    Frames,
    FunctionValue,
    ParameterValue,
    Sdk,
    TemplateValue,
    TextValue,
    UnknownValue,
    Value,
)

TEXTS = (TextValue, TemplateValue)


class Receivers:
    def __init__(self, evaluator: Callers) -> None:
        self.evaluator = evaluator
        self.program = evaluator.program

    def called(self, call: Call) -> Sequence[Value]:
        """The functions that ``call`` can call; what is known of a parameter takes its place."""
        values: list[Value] = []
        for value in self.evaluator.evaluate(call.callee, call.scope):
            if isinstance(value, ParameterValue):
                concrete = self.evaluator.concrete(value)
                values += concrete or self._by_owner(value)
            else:
                values.append(value)
        return list(dict.fromkeys([*values, *self._loaded(call)]))

    def _loaded(self, call: Call) -> list[Value]:
        """`load("module", "function")("…")`: a function that is got by its name."""
        if not isinstance(call.callee, Call):
            return []
        names = [a.value.value for a in call.callee.arguments if isinstance(a.value, Text)]
        return [FunctionValue(function) for name in names for function in self.program.functions.get(name, ())]

    def _by_owner(self, value: ParameterValue) -> Sequence[Value]:
        """``p.capture`` where only p is known: by p."""
        for length in range(len(value.path) - 1, -1, -1):
            owners = self.evaluator.concrete(ParameterValue(value.parameter, value.path[:length]))
            if owners:
                return self.evaluator.walk(owners, value.path[length:])
        return ()

    def likely(  # noqa: C901
        self,
        call: Call,
        senders: Mapping[CodeFunction, object],
        calls_of: Mapping[CodeFunction, Sequence[tuple[Call, Frames]]],
    ) -> Iterator[Value]:
        """Yield what a call on something unknown probably calls, best first."""
        if not isinstance(call.callee, (Name, Member)):
            return
        method = call.callee.name
        if isinstance(call.callee, Name):
            # a function of a module that is not here, when another of that name sends
            unknown = any(isinstance(v, UnknownValue) for v in self.evaluator.evaluate(call.callee, call.scope))
            for function in self.program.functions.get(method, ()) if unknown and self.hands_over(call, TEXTS) else ():
                if senders.get(function):
                    yield FunctionValue(function)
            return
        receiver = _last_name(call.callee.value)
        product = product_of_word(receiver)
        if product is not None and method in BY_NAME[product].methods:
            yield Sdk(product, method)
        bare = _plain(receiver)
        for owners in [owners for name, owners in self.program.classes.items() if bare and _plain(name) == bare]:
            for owner in owners:
                for value in self.evaluator.member(ClassInstance(owner), method):
                    if isinstance(value, FunctionValue) and senders.get(value.function):
                        yield value
                    elif isinstance(value, ParameterValue):
                        for concrete in self._by_owner(value) or ():
                            if isinstance(concrete, FunctionValue) and senders.get(concrete.function):
                                yield concrete
        if not self.hands_over(call, TEXTS):
            return
        for function, group in calls_of.items():
            if senders.get(function) and any(_is_like(other, receiver, method) for other, _ in group):
                yield FunctionValue(function)
        if method == "track" and receiver.lower().strip("_") in GENERIC_CLIENTS:
            yield Sdk("segment", method)

    def hands_over(self, call: Call, kinds: tuple[type[Value], ...]) -> bool:
        """Whether one of its first arguments can be one of ``kinds``."""
        return any(
            isinstance(value, kinds)
            for argument in call.arguments[:3]
            for value in self.evaluator.evaluate(argument.value, call.scope)
        )


def _is_like(call: Call, receiver: str, method: str) -> bool:
    callee = call.callee
    return isinstance(callee, Member) and callee.name == method and _plain(_last_name(callee.value)) == _plain(receiver)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _last_name(value: Expression) -> str:
    match value:
        case Name(name=name) | Member(name=name):
            return name
        case Call(callee=callee):
            return _last_name(callee)
        case Element(value=inner):
            return _last_name(inner)
        case Self():
            return "self"
    return ""
