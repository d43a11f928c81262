"""The words by which tables and columns are known: the rows of `rules.yaml`, by name."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import yaml

from usertrack.core.json_types import JsonObject

_RULES: JsonObject = yaml.safe_load(Path(__file__).with_name("rules.yaml").read_text(encoding="utf-8"))


@cache
def words(name: str) -> frozenset[str]:
    """Return a row of words, of which any may be in a name."""
    return frozenset(_RULES[name].split())


@cache
def patterns(name: str) -> tuple[str, ...]:
    """Return a row of whole names, the best first."""
    return tuple(_RULES[name])


@cache
def weights(name: str) -> Mapping[str, float]:
    """Return a row of words with points."""
    return dict(_RULES[name])


@cache
def groups(name: str) -> Mapping[str, tuple[str, ...]]:
    """Return the words or names of each group in a row."""
    rows: Mapping[str, str | Iterable[str]] = _RULES[name]
    return {group: tuple(row.split() if isinstance(row, str) else row) for group, row in rows.items()}
