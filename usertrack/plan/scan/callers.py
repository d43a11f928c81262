"""Finds what a parameter can be: by its type, by what its callers hand over, by the list whose elements it takes."""

from collections.abc import Iterable, Sequence

from usertrack.plan.scan.evaluation import ITERATIONS, Evaluator
from usertrack.plan.scan.program import Program
from usertrack.plan.scan.syntax import Alias, CodeFunction, Expression, FunctionParameter, Member, Object, Typed
from usertrack.plan.scan.values import ClassValue, FunctionValue, ParameterValue, UnknownValue, Value, argument_of

MOST_CALLERS = 60  # values of one parameter: bounds the work, further callers are not read
MOST_FILES = 150
"""A parameter is not looked for in the callers of a function whose name is in more files: all would be parsed."""
DEEPEST = 4  # wrappers around wrappers: each one multiplies the callers to read


class Callers(Evaluator):
    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._concrete: dict[ParameterValue, Sequence[Value]] = {}
        self._depth = 0
        self._names: dict[CodeFunction, tuple[int, list[str]]] = {}

    def concrete(self, value: ParameterValue) -> Sequence[Value]:
        """Return what a parameter is, from all that the files tell of it; () if they do not."""
        if value not in self._concrete:
            self._concrete[value] = ()
            if self._depth < DEEPEST:
                self._depth += 1
                self._concrete[value] = tuple(dict.fromkeys(self._concretize(value)))
                self._depth -= 1
        return self._concrete[value]

    def _concretize(self, value: ParameterValue) -> Iterable[Value]:
        parameter = value.parameter
        handed = self.handed_over(value)
        if handed is not None:
            return self._known(handed)
        values = self._known(self._of_callers(parameter, value.path))
        if not values and parameter.type is not None:
            values = self._known(
                self.walk(self.evaluate(Typed(parameter.type, parameter.line), parameter.function), value.path)
            )
        if not values and parameter.default is not None:
            values = self._known(self.walk(self.evaluate(parameter.default, parameter.function), value.path))
        return values

    def _known(self, values: Iterable[Value]) -> list[Value]:
        """Values of parameters by what those are in turn; without what is outside."""
        known: list[Value] = []
        for value in values:
            known += self.concrete(value) if isinstance(value, ParameterValue) else [value]
        return [value for value in known if not isinstance(value, UnknownValue)]

    def _of_callers(self, parameter: FunctionParameter, path: Sequence[str]) -> list[Value]:
        values: list[Value] = []
        function = parameter.function
        names = self.names_of_function(function)
        self.program.parse_files_with([name.removeprefix("default:") for name in names], MOST_FILES)
        calls = [call for name in names for call in self.program.calls[name]][: MOST_CALLERS * 4]
        for call in calls:
            if len(values) > MOST_CALLERS:
                break
            # the call may be of a parameter for which its callers hand over ``function``
            if self.is_call_of(call, function) or any(
                isinstance(inner, FunctionValue) and inner.function is function
                for value in self.evaluate(call.callee, call.scope)
                if isinstance(value, ParameterValue)
                for inner in self.concrete(value)
            ):
                expression = argument_of(parameter, call)
                if expression is not None:
                    values += self.walk(self.evaluate(expression, call.scope), path)
        return values

    def handed_over(self, value: ParameterValue) -> Sequence[Value] | None:
        """Return what a nameless function gets of a list (`names.forEach(name => …)`) or promise; else None."""
        function = value.parameter.function
        call = function.handed_to
        if call is None or value.parameter.index or not isinstance(call.callee, Member):
            return None
        values = self.evaluate(call.callee.value, call.scope)
        if call.callee.name == "then":  # of a promise; for us it is what it promises
            return self.walk(values, value.path)
        if call.callee.name not in ITERATIONS:
            return None
        return self.walk((inner for value in values for inner in self.elements(value)), value.path)

    def names_of_function(self, function: CodeFunction) -> Sequence[str]:
        """The names under which a function is called, as far as the parsed files tell."""
        size, names = self._names.get(function, (0, []))
        if size != self.program.size:
            names = list(self._gather_names(function))
            self._names[function] = (self.program.size, names)
        return names

    def _gather_names(self, function: CodeFunction) -> Iterable[str]:
        names = [function.name]
        if function.name in ("constructor", "__init__", "__call__") and function.owner is not None:
            names = [function.owner.name]
        scope = function.parent
        while scope is not None and scope.parent is not None:
            names.append(scope.name)  # of what returns it
            scope = scope.parent
        seen: set[str] = set()
        while names:
            name = names.pop(0)
            if name and name not in seen:
                seen.add(name)
                yield name
                aliases = self.program.aliases.get(name, ())
                names += [alias.name for alias in aliases if alias.name not in seen and self._is_of(alias, function)]

    def _is_of(self, alias: Alias, function: CodeFunction) -> bool:
        """Whether what goes on under another name can be ``function``."""
        for value in self.evaluate(alias.value, alias.scope):
            for inner in self.concrete(value) if isinstance(value, ParameterValue) else (value,):
                if isinstance(inner, FunctionValue) and inner.function is function:
                    return True
                if isinstance(inner, ClassValue) and inner.owner is function.owner:
                    return True
        return False

    def line_within(self, expression: Expression, path: Sequence[str], line: int) -> int:
        """The line of what stands at ``path`` in an expression."""
        for step in path:
            if not isinstance(expression, Object):
                break
            expression = next((entry.value for entry in expression.entries if entry.key == step), expression)
        return getattr(expression, "line", line) or line
