"""Reads YAML by libyaml, which takes an eighth of the time; PyYAML's own reader says what is wrong with a text."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import yaml

    Loader = yaml.SafeLoader | yaml.CSafeLoader

_LONGEST = 20_000  # characters: libyaml's nodes of a deeply nested text, which this bounds, overflow the stack


def read_nodes(text: str) -> "tuple[Loader, yaml.Node | None]":
    """A safe loader of PyYAML, and the root node of ``text``, None of an empty one. Raises as PyYAML does."""
    import yaml

    if len(text) <= _LONGEST and yaml.__with_libyaml__:
        try:
            return _composed(yaml.CSafeLoader(text))
        except yaml.YAMLError:
            pass
    return _composed(yaml.SafeLoader(text))


def read_values(text: str) -> Any:
    """The values of ``text``, None of an empty one. Raises as PyYAML does."""
    loader, root = read_nodes(text)
    return loader.construct_document(root) if root else None


def key_set_twice(root: "yaml.Node | None") -> tuple[str, int] | None:
    """The first key that a mapping in ``root`` has twice, of which YAML would take the last, and its line."""
    import yaml

    if isinstance(root, yaml.SequenceNode):
        return next(filter(None, map(key_set_twice, root.value)), None)
    if not isinstance(root, yaml.MappingNode):
        return None
    names: set[str] = set()
    for name, value in root.value:
        if isinstance(name, yaml.ScalarNode) and name.value in names:
            return name.value, name.start_mark.line + 1
        names.add(str(name.value))
        if inner := key_set_twice(value):
            return inner
    return None


def _composed(loader: "Loader") -> "tuple[Loader, yaml.Node | None]":
    loader.deep_construct = True  # so that deep nesting is a RecursionError, which libyaml's nodes alone are not
    return loader, loader.get_single_node()
