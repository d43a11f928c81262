"""What a parameter can be: by its type, by what its callers hand over, by the list whose elements it takes."""

from collections.abc import Iterable, Sequence

from usertrack.scan.evaluation import ITERATIONS, Evaluator
from usertrack.scan.program import Program
from usertrack.scan.syntax import Expression, Function, Member, Object, Parameter, Typed
from usertrack.scan.values import Given, Outside, Value, argument_of

MOST_CALLERS = 60
DEEPEST = 4


class Callers(Evaluator):
    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._concrete: dict[Given, Sequence[Value]] = {}
        self._depth = 0

    def concrete(self, given: Given) -> Sequence[Value]:
        """What a parameter is, from all that the files tell of it; () if they do not."""
        if given not in self._concrete:
            self._concrete[given] = ()
            if self._depth < DEEPEST:
                self._depth += 1
                self._concrete[given] = tuple(dict.fromkeys(self._concretize(given)))
                self._depth -= 1
        return self._concrete[given]

    def _concretize(self, given: Given) -> Iterable[Value]:
        parameter = given.parameter
        handed = self.handed_over(given)
        if handed is not None:
            return self._known(handed)
        values = self._known(self._of_callers(parameter, given.path))
        if not values and parameter.type is not None:
            values = self._known(
                self.walk(self.evaluate(Typed(parameter.type, parameter.line), parameter.function), given.path)
            )
        if not values and parameter.default is not None:
            values = self._known(self.walk(self.evaluate(parameter.default, parameter.function), given.path))
        return values

    def _known(self, values: Iterable[Value]) -> list[Value]:
        """Values of parameters by what those are in turn; without what is outside."""
        known: list[Value] = []
        for value in values:
            known += self.concrete(value) if isinstance(value, Given) else [value]
        return [value for value in known if not isinstance(value, Outside)]

    def _of_callers(self, parameter: Parameter, path: Sequence[str]) -> list[Value]:
        values: list[Value] = []
        function = parameter.function
        names = self.names_of_function(function)
        self.program.parse_files_with([name for name in names if not name.startswith("default:")])
        calls = [call for name in names for call in self.program.calls[name]][: MOST_CALLERS * 4]
        for call in calls:
            if len(values) > MOST_CALLERS:
                break
            if self.is_call_of(call, function):
                expression = argument_of(parameter, call)
                if expression is not None:
                    values += self.walk(self.evaluate(expression, call.scope), path)
        return values

    def handed_over(self, given: Given) -> Sequence[Value] | None:
        """The elements that a function without a name gets of a list (`names.forEach(name => …)`); None for others."""
        function = given.parameter.function
        call = function.handed_to
        if call is None or given.parameter.index or not isinstance(call.callee, Member):
            return None
        if call.callee.name not in ITERATIONS:
            return None
        listed = self.evaluate(call.callee.value, call.scope)
        elements = [inner for value in listed for inner in self.elements(value)]
        return self.walk(elements, given.path)

    def names_of_function(self, function: Function) -> list[str]:
        """The names under which a function may be called; one that another returns goes under that one's names too."""
        names = []
        scope: Function | None = function
        while scope is not None:
            if scope.name in ("constructor", "__init__", "__call__") and scope.owner is not None:
                names.append(scope.owner.name)
            if scope.name and scope.name not in ("constructor", "__init__"):
                names.append(scope.name)
            scope = scope.parent
        closure: list[str] = []
        while names:
            name = names.pop()
            if name not in closure:
                closure.append(name)
                if len(closure) < MOST_CALLERS:
                    names += sorted(self.program.aliases.get(name, ()))
        return closure

    def line_within(self, expression: Expression, path: Sequence[str], line: int) -> int:
        """The line of what stands at ``path`` in an expression."""
        for step in path:
            if not isinstance(expression, Object):
                break
            expression = next((entry.value for entry in expression.entries if entry.key == step), expression)
        return getattr(expression, "line", line) or line
