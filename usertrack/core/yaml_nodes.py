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


def read_values(text: str) -> Any:  # noqa: ANN401
    """The values of ``text``, None of an empty one. Raises as PyYAML does."""
    loader, root = read_nodes(text)
    return loader.construct_document(root) if root else None


def _composed(loader: "Loader") -> "tuple[Loader, yaml.Node | None]":
    loader.deep_construct = True  # so that deep nesting is a RecursionError, which libyaml's nodes alone are not
    return loader, loader.get_single_node()
