"""words.yaml: what lint knows of words."""

from collections.abc import Mapping
from functools import cache
from importlib import resources

from usertrack.core.json_types import JsonObject
from usertrack.core.yaml_nodes import read_values


@cache
def word_set(name: str) -> frozenset[str]:
    return frozenset(_document()[name].split())


@cache
def word_map(name: str) -> Mapping[str, str]:
    """Texts by word."""
    return {str(word): str(text) for word, text in _document()[name].items()}


@cache
def classes(name: str) -> Mapping[str, str]:
    """The class of each word, where the file has lists of words by class."""
    return {word: str(group) for group, words in _document()[name].items() for word in words.split()}


@cache
def _document() -> JsonObject:
    text = resources.files(__package__).joinpath("words.yaml").read_text(encoding="utf-8")
    document: JsonObject = read_values(text)
    return document
