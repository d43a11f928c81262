"""Where a name is defined: in a scope, by an import, by a class or one of its bases."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence

from usertrack.scan.program import Program
from usertrack.scan.sinks import product_of_package, product_of_word
from usertrack.scan.syntax import Binding, Call, Class, Expression, Function, Object
from usertrack.scan.values import ClassValue, ModuleValue, Sdk, UnknownValue, Value

MOST_BASES = 12


class Lookup(ABC):
    def __init__(self, program: Program) -> None:
        self.program = program
        self._values: dict[Expression, Sequence[Value]] = {}
        self._open: set[Expression] = set()
        self._open_keys: set[tuple[Object, str]] = set()
        self.assumed: set[tuple[Call, Function]] = set()
        """Which functions a call calls, where its own file does not tell."""
        self._frames_depth = 0
        self.steps = 0
        """Expressions followed since somebody set it to 0."""
        self._cut = False
        """Whether a value was left out that depends on one which is being computed."""

    @abstractmethod
    def evaluate(self, expression: Expression, scope: Function) -> Sequence[Value]: ...

    @abstractmethod
    def member(self, value: Value, name: str) -> Iterable[Value]: ...

    def path_of(self, scope: Function) -> str:
        return scope.file.path if scope.file is not None else ""

    def is_python(self, scope: Function) -> bool:
        return self.path_of(scope).endswith(".py")

    def bindings_of(self, name: str, scope: Function) -> tuple[Sequence[Binding], Function | None]:
        """What ``name`` is bound to in the nearest scope that has it, and that scope."""
        home: Function | None = scope
        while home is not None:
            if name in home.bindings:
                return home.bindings[name], home
            home = home.parent
        return (), None

    def of_global(self, name: str, scope: Function) -> Iterator[Value]:
        """A name that its file does not define: of a star import, or a global of an SDK's snippet."""
        for module in scope.file.stars if scope.file is not None else ():
            path = self.program.resolve(module, self.path_of(scope))
            for value in self.export(path, name) if path is not None else ():
                if not isinstance(value, UnknownValue):
                    yield value
        product = product_of_word(name)
        yield Sdk(product) if product is not None and not self.is_python(scope) else UnknownValue(name)

    def of_import(self, module: str, name: str | None, scope: Function) -> Iterator[Value]:
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
        """What another file gets when it asks ``path`` for ``name``."""
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

    def constructors_of(self, owner: Class) -> list[Function]:
        bindings = [*self.members_of(owner, "__init__"), *self.members_of(owner, "constructor")]
        return [binding.value for binding in bindings if isinstance(binding.value, Function)]
