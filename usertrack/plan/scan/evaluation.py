"""Finds what an expression can be: names, imports, members and calls are followed through all files; nothing is run."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from usertrack.plan.scan.budget import StepBudget
from usertrack.plan.scan.program import Program
from usertrack.plan.scan.sinks import product_of_package, product_of_word
from usertrack.plan.scan.syntax import (
    Alternatives,
    Argument,
    Array,
    Binding,
    Call,
    Class,
    CodeFunction,
    Element,
    Expression,
    FunctionParameter,
    ImportedName,
    Member,
    Name,
    Object,
    Self,
    Template,
    Text,
    Typed,
    UnknownExpression,
    callee_name,
)
from usertrack.plan.scan.values import (
    ClassInstance,
    ClassValue,
    Frames,
    FunctionValue,
    ListValue,
    ModuleValue,
    ObjectValue,
    ParameterValue,
    ReactContext,
    Sdk,
    TemplateValue,
    TextValue,
    UnknownValue,
    Value,
    argument_of,
)

# With half or twice each of these limits the scan finds the same 72 sites in Formbricks: they bound what code costs
# that a program or somebody hostile has made, before the budget of steps ends a call.
MOST_BASES = 12  # classes above one, or files of star imports after one another
MOST_VALUES = 200  # of an expression, as of a table of event names; a longer one is data
MOST_FRAMES = 3  # calls between where a value is written and where it is used: a helper of a helper of a wrapper
DEEPEST = 60  # expressions that are open at once
DEEPEST_FRAMES = 6  # parameters that are handed on from call to call: twice the calls of a value
HAND_ON = (FunctionValue, ObjectValue, ClassValue, ClassInstance, Sdk)
"""What an unknown function that is given it is taken to hand on: `useCallback(f)`, `memo(C)`, `Object.freeze({…})`."""
ITERATIONS = frozenset(("map", "forEach", "flatMap", "filter", "some", "every", "find"))


class Evaluator:
    """Values of expressions, each computed once. A value that depends on itself is left out."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.budget = StepBudget()
        self._values: dict[Expression, Sequence[Value]] = {}
        self._open: set[Expression] = set()
        self._open_keys: set[tuple[Object, str]] = set()
        self.assumed: set[tuple[Call, CodeFunction]] = set()
        """Which functions a call calls, where its own file does not tell."""
        self._frames_depth = 0
        self._cut = False
        """Whether a value was left out that depends on one which is being computed."""

    def begin(self, call: Call) -> None:
        """Charge what is followed from now on to ``call``."""
        self.budget.begin(self.path_of(call.scope), call.line)

    def path_of(self, scope: CodeFunction) -> str:
        return scope.file.path if scope.file is not None else ""

    def is_python(self, scope: CodeFunction) -> bool:
        return self.path_of(scope).endswith(".py")

    def bindings_of(self, name: str, scope: CodeFunction) -> tuple[Sequence[Binding], CodeFunction | None]:
        """Return what ``name`` is bound to in the nearest scope that has it, and that scope."""
        home: CodeFunction | None = scope
        while home is not None:
            if name in home.bindings:
                return home.bindings[name], home
            home = home.parent
        return (), None

    def of_global(self, name: str, scope: CodeFunction) -> Iterator[Value]:
        """A name that its file does not define: of a star import, or a global of an SDK's snippet."""
        for module in scope.file.stars if scope.file is not None else ():
            path = self.program.resolve(module, self.path_of(scope))
            for value in self.export(path, name) if path is not None else ():
                if not isinstance(value, UnknownValue):
                    yield value
        product = product_of_word(name)
        yield Sdk(product) if product is not None and not self.is_python(scope) else UnknownValue(name)

    def of_import(self, module: str, name: str | None, scope: CodeFunction) -> Iterator[Value]:
        importer = self.path_of(scope)
        product = product_of_package(module, python=importer.endswith(".py"))
        path = self.program.resolve(module, importer)
        own = path is not None and (path == importer or ("/" in path and not module.startswith("analytics")))
        if product is not None and (path is None or own):
            yield Sdk(product, name if name not in (None, "default") else "")
            return
        path = path or self.program.package(module, importer)
        if path is None:
            yield UnknownValue(name if name not in (None, "default") else module.rpartition("/")[2])
        elif name is None:
            yield ModuleValue(path)
        else:
            yield from self.export(path, name)

    def export(self, path: str, name: str, depth: int = 0) -> Iterator[Value]:
        """Yield what another file gets when it asks ``path`` for ``name``."""
        file = self.program.file(path)
        if file is None:
            yield UnknownValue(name)
            return
        if name in file.exports:
            yield from self.evaluate(file.exports[name], file.module)
            return
        if name in file.module.bindings:
            for binding in file.module.bindings[name]:
                yield from self.evaluate(binding.value, binding.scope)
            return
        inside = path.endswith("__init__.py")
        submodule = (
            (self.program.resolve(f".{name}", path) or self.program.package(f".{name}", path)) if inside else None
        )
        if submodule is not None:
            yield ModuleValue(submodule)
            return
        if name == "default":  # module.exports, or a module of Vue
            yield ModuleValue(path)
            return
        for module in file.stars if depth < MOST_BASES else ():
            source = self.program.resolve(module, path)
            for value in self.export(source, name, depth + 1) if source is not None else ():
                if not isinstance(value, UnknownValue):
                    yield value
        if "default" in file.exports:  # module.exports = { name }
            for value in self.evaluate(file.exports["default"], file.module):
                yield from self.member(value, name)
        else:
            yield UnknownValue(name)

    def bases_of(self, owner: Class) -> Iterator[Class]:
        for base in owner.bases:
            for value in self.evaluate(base, owner.scope):
                if isinstance(value, ClassValue):
                    yield value.owner

    def members_of(self, owner: Class, name: str) -> Sequence[Binding]:
        """A method or attribute of a class: its own, else of its bases, else of the classes below it."""
        queue = [owner]
        for candidate in queue:
            if name in candidate.members:
                below = self._of_subclasses(owner, name) if candidate is owner else []
                return [*candidate.members[name], *below]
            if len(queue) < MOST_BASES:
                queue += [base for base in self.bases_of(candidate) if base not in queue]
        return self._of_subclasses(owner, name)

    def _of_subclasses(self, owner: Class, name: str) -> list[Binding]:
        return [
            binding
            for candidate in self.program.members.get(name, ())
            if candidate is not owner and owner in self.bases_of(candidate)
            for binding in candidate.members[name]
        ]

    def constructors_of(self, owner: Class) -> list[CodeFunction]:
        bindings = [*self.members_of(owner, "__init__"), *self.members_of(owner, "constructor")]
        return [binding.value for binding in bindings if isinstance(binding.value, CodeFunction)]

    def evaluate(self, expression: Expression, scope: CodeFunction) -> Sequence[Value]:
        values = self._values.get(expression)
        if values is not None:
            return values
        if expression in self._open or len(self._open) > DEEPEST or not self.budget.spend():
            self._cut = True
            return ()
        self._open.add(expression)
        outer, self._cut = self._cut, False
        try:
            values = tuple(dict.fromkeys(self._evaluate(expression, scope)))[:MOST_VALUES]
        finally:
            self._open.discard(expression)
        if not self._cut or not self._open:
            self._values[expression] = values
        self._cut = self._cut or outer
        return values

    def _evaluate(self, expression: Expression, scope: CodeFunction) -> Iterable[Value]:  # noqa: C901
        match expression:
            case Text(value=text, line=line):
                return [TextValue(text, line, self.path_of(scope))]
            case Template():
                return [TemplateValue(expression, scope)]
            case Name(name=name):
                return self._of_name(name, scope)
            case Member(value=inner, name=name):
                return self._of_member(inner, name, scope)
            case Element(value=inner, key=key):
                return self._of_element(inner, key, scope)
            case Call():
                return self._of_call(expression, scope)
            case Object():
                return [ObjectValue(expression, scope)]
            case Array():
                return [ListValue(expression, scope)]
            case Alternatives(options=options):
                return (value for option in options for value in self.evaluate(option, scope))
            case Typed(type=kind):
                return (_of_type(value) for value in self.evaluate(kind, scope))
            case ImportedName(module=module, name=name):
                return self.of_import(module, name, scope)
            case Self(parent=parent):
                return self._of_self(scope, parent=parent)
            case FunctionParameter():
                return [ParameterValue(expression)]
            case CodeFunction():
                return [FunctionValue(expression)]
            case Class():
                return [ClassValue(expression)]
            case UnknownExpression(source=source):
                return [UnknownValue(source)]

    def _of_name(self, name: str, scope: CodeFunction) -> Iterator[Value]:
        bindings, _ = self.bindings_of(name, scope)
        if not bindings:
            yield from self.of_global(name, scope)
        for binding in bindings:
            yield from self.evaluate(binding.value, binding.scope)

    def _of_self(self, scope: CodeFunction, *, parent: bool) -> Iterator[Value]:
        method: CodeFunction | None = scope
        while method is not None and method.owner is None:
            method = method.parent
        if method is None or method.owner is None:
            yield UnknownValue("this")
        elif parent:
            for base in self.bases_of(method.owner):
                yield ClassInstance(base)
        else:
            yield ClassInstance(method.owner)

    def _of_member(self, inner: Expression, name: str, scope: CodeFunction) -> Iterator[Value]:
        if isinstance(inner, Name):
            _, home = self.bindings_of(inner.name, scope)
            for entry in home.changes.get(inner.name, ()) if home is not None else ():
                if entry.key == name:
                    yield from self.evaluate(entry.value, home or scope)
        for value in self.evaluate(inner, scope):
            yield from self.member(value, name)

    def member(self, value: Value, name: str) -> Iterable[Value]:
        """Yield what ``value.name`` can be."""
        if not self.budget.spend():
            self._cut = True
            return ()
        match value:
            case Sdk(product=product):
                return [Sdk(product, name)]
            case ObjectValue():
                return self._of_key(value, name)
            case ClassInstance(owner=owner):
                return self._of_instance(value, owner, name)
            case ClassValue(owner=owner):
                return self._of_class(owner, name)
            case ModuleValue(path=path):
                return self.export(path, name)
            case ParameterValue(parameter=parameter, path=path):
                return [ParameterValue(parameter, (*path, name))]
            case ListValue(list=array, scope=scope, frames=frames) if name.isdigit():
                items = array.items[int(name) : int(name) + 1]
                return (self.bind(v, frames) for item in items for v in self.evaluate(item, scope))
            case TextValue() if name in ("value", "valueOf"):
                return [value]
            case FunctionValue() if name == "getState":  # of a store; called, it is the store's object
                return [value]
            case FunctionValue() if name not in ("call", "apply"):
                return self._of_result(value, name)
            case ReactContext() if name in ("Provider", "Consumer"):
                return [value]
            case ReactContext():
                return (v for provided in self._provided(value) for v in self.member(provided, name))
            case UnknownValue(name=origin):
                return [UnknownValue(f"{origin}.{name}")]
        return [value] if name in ("current", "default", "value") else [UnknownValue(name)]

    def _of_key(self, value: ObjectValue, name: str) -> Sequence[Value]:
        """Values of a key; none for an object that is spread into itself, while it is looked through."""
        if (value.object, name) in self._open_keys:
            return ()
        self._open_keys.add((value.object, name))
        try:
            return list(self._find_key(value, name))
        finally:
            self._open_keys.discard((value.object, name))

    def _find_key(self, value: ObjectValue, name: str) -> Iterator[Value]:
        """The key's own value; where it has none, what is spread into the object."""
        for entry in reversed(value.object.entries):
            if entry.key == name:
                for inner in self.evaluate(entry.value, value.scope):
                    yield self.bind(inner, value.frames)
                return
        for entry in value.object.entries:
            if entry.spread:
                for inner in self.evaluate(entry.value, value.scope):
                    for result in self.member(inner, name):
                        if not isinstance(result, UnknownValue):
                            yield self.bind(result, value.frames)
        if name == "current":
            yield value

    def _of_instance(self, instance: ClassInstance, owner: Class, name: str) -> Iterator[Value]:
        bindings = self.members_of(owner, name)
        if not bindings:
            yield UnknownValue(f"{owner.name}.{name}")
        for binding in bindings:
            if isinstance(binding.value, CodeFunction) and binding.value.getter:
                for returned in binding.value.returns:
                    yield from self.evaluate(returned, binding.value)
                continue
            for value in self.evaluate(binding.value, binding.scope):
                yield self._made(value, instance)

    def _made(self, value: Value, instance: ClassInstance) -> Value:
        """An attribute that is a parameter of the constructor is what the call handed over."""
        if instance.made is not None and isinstance(value, (ParameterValue, TemplateValue, FunctionValue)):
            return self.bind(value, (instance.made,))
        return value

    def _of_class(self, owner: Class, name: str) -> Iterator[Value]:
        bindings = self.members_of(owner, name)
        for binding in bindings:
            for value in self.evaluate(binding.value, binding.scope):
                if isinstance(value, (UnknownValue, ListValue)) and owner.enum and isinstance(binding.value, Call):
                    yield TextValue(name, owner.line, self.path_of(owner.scope))  # auto()
                else:
                    yield value
        if not bindings:
            yield UnknownValue(f"{owner.name}.{name}")

    def _of_result(self, value: FunctionValue, name: str) -> Iterator[Value]:
        """`useMemo(() => object).name`: the member of what the function returns."""
        for returned in value.function.returns:
            for inner in self.evaluate(returned, value.function):
                if not isinstance(inner, (ParameterValue, UnknownValue, TextValue, TemplateValue, FunctionValue)):
                    yield from self.member(inner, name)

    def _of_element(self, inner: Expression, key: Expression | None, scope: CodeFunction) -> Iterator[Value]:
        keys = [v.text for v in self.evaluate(key, scope) if isinstance(v, TextValue)] if key is not None else []
        for value in self.evaluate(inner, scope):
            if keys:
                for name in keys:
                    yield from self.member(value, name)
            else:
                yield from self.elements(value)

    def elements(self, value: Value) -> Iterator[Value]:
        """All items of a list, all values of an object or enum."""
        if not self.budget.spend():
            self._cut = True
            return
        match value:
            case ListValue(list=array, scope=scope, frames=frames):
                for item in array.items:
                    for inner in self.evaluate(item, scope):
                        yield self.bind(inner, frames)
            case ObjectValue(object=literal, scope=scope, frames=frames):
                for entry in literal.entries:
                    for inner in self.evaluate(entry.value, scope):
                        yield self.bind(inner, frames)
            case ClassValue(owner=owner) if owner.enum:
                for name in owner.members:
                    yield from self._of_class(owner, name)
            case ParameterValue(parameter=parameter, path=path):
                yield ParameterValue(parameter, (*path, "*"))
            case FunctionValue() | ClassInstance() | Sdk():  # const [track] = useTracking()
                yield value
            case _:
                yield UnknownValue("an element of a list")

    def _of_call(self, call: Call, scope: CodeFunction) -> Iterator[Value]:  # noqa: C901
        if self._is_call_of(call, "createContext"):
            yield ReactContext(call)
            return
        callees = self.evaluate(call.callee, scope)
        for callee in callees:
            match callee:
                case FunctionValue(function=function, frames=frames):
                    returned = list(self._returned(function, (call, *frames)[:MOST_FRAMES]))
                    yield from returned
                    if any(isinstance(value, ObjectValue | ClassInstance) for value in returned):
                        yield from self._selected(call, scope)
                case ClassValue(owner=owner) if owner.enum:
                    yield from self.elements(callee)
                case ClassValue(owner=owner):
                    yield ClassInstance(owner, call)
                case ClassInstance(owner=owner):
                    for bound in self._of_instance(callee, owner, "__call__"):
                        if isinstance(bound, FunctionValue):
                            yield from self._returned(bound.function, (call,))
                case Sdk(product=product):
                    yield Sdk(product)
                case ParameterValue(parameter=parameter, path=path):
                    yield ParameterValue(parameter, (*path, "()"))
        if not any(isinstance(callee, (FunctionValue, ClassValue, Sdk, ParameterValue)) for callee in callees):
            # What an unknown function makes of a function, class or object: we take it for the same.
            anything = False
            for argument in call.arguments[:1]:
                for value in self.evaluate(argument.value, scope):
                    if isinstance(value, ReactContext):
                        anything = True
                        yield from self._provided(value)
                    elif isinstance(value, HAND_ON):
                        anything = True
                        yield value
                        yield from self._lazy(value)
            if not anything:
                yield UnknownValue(f"{callee_name(call)}()")

    def _is_call_of(self, call: Call, name: str) -> bool:
        return isinstance(call.callee, (Name, Member)) and call.callee.name == name

    def _returned(self, function: CodeFunction, frames: Frames) -> Iterator[Value]:
        for expression in function.returns:
            for value in self.evaluate(expression, function):
                yield self.bind(value, frames)

    def _selected(self, call: Call, scope: CodeFunction) -> Iterator[Value]:
        """`useStore((state) => state.send)` may be `send` of what `useStore()` is: stores take such a selector."""
        for argument in call.arguments[:1]:
            if any(
                isinstance(v, FunctionValue) and v.function.parameters for v in self.evaluate(argument.value, scope)
            ):
                whole = Call(call.callee, [], call.line, scope)
                yield from self.evaluate(Call(argument.value, [Argument(whole)], call.line, scope), scope)

    def _lazy(self, value: Value) -> Iterator[Value]:
        """`lazy(() => import("./component"))`: the default export."""
        if isinstance(value, FunctionValue):
            for returned in value.function.returns:
                modules = (inner for inner in self.evaluate(returned, value.function) if isinstance(inner, ModuleValue))
                yield from (default for module in modules for default in self.member(module, "default"))

    def _provided(self, context: ReactContext) -> Iterator[Value]:
        """Yield what `<Context.Provider value={…}>` gives in any of the files, and its default."""
        for argument in context.made.arguments[:1]:
            yield from self.evaluate(argument.value, context.made.scope)
        for call in [*self.program.calls["Provider"]]:
            if not call.arguments or not isinstance(call.callee, Member):
                continue
            if context in self.evaluate(call.callee.value, call.scope):
                for properties in self.evaluate(call.arguments[0].value, call.scope):
                    yield from self.member(properties, "value")

    def bind(self, value: Value, frames: Frames) -> Value:
        """``value`` with what the calls out of which it came say of its parameters."""
        if not frames:
            return value
        if isinstance(value, FunctionValue | ObjectValue | ListValue | TemplateValue):
            return replace(value, frames=(*value.frames, *frames)[:MOST_FRAMES])
        return next(iter(self.argument_values(value, frames)), value) if isinstance(value, ParameterValue) else value

    def argument_values(self, value: ParameterValue, frames: Frames) -> Sequence[Value]:
        """Return what a parameter is, if one of ``frames`` called its function; () if none did, or none says it."""
        if self._frames_depth > DEEPEST_FRAMES:
            return ()
        self._frames_depth += 1
        try:
            for frame in frames:
                if self.is_call_of(frame, value.parameter.function):
                    expression = argument_of(value.parameter, frame)
                    if expression is not None:
                        values = self.evaluate(expression, frame.scope)
                        return tuple(dict.fromkeys(self.walk(values, value.path)))
        finally:
            self._frames_depth -= 1
        return ()

    def walk(self, values: Iterable[Value], path: Sequence[str]) -> list[Value]:
        """The values at ``path`` within ``values``."""
        values = list(values)
        for step in path:
            if step == "*":
                values = [inner for value in values for inner in self.elements(value)]
            elif step == "()":
                values = [inner for value in values for inner in self._call_value(value)]
            else:
                values = [inner for value in values for inner in self.member(value, step)]
        return values

    def _call_value(self, value: Value) -> Iterator[Value]:
        match value:
            case FunctionValue(function=function, frames=frames):
                yield from self._returned(function, frames)
            case ClassValue(owner=owner):
                yield ClassInstance(owner)
            case Sdk(product=product):
                yield Sdk(product)

    def is_call_of(self, call: Call, function: CodeFunction) -> bool:
        if (call, function) in self.assumed:
            return True
        for value in self.evaluate(call.callee, call.scope):
            if isinstance(value, FunctionValue) and value.function is function:
                return True
            if isinstance(value, ClassValue) and function in self.constructors_of(value.owner):
                return True
        return False


def _of_type(value: Value) -> Value:
    return ClassInstance(value.owner) if isinstance(value, ClassValue) and not value.owner.enum else value
