"""A proposal for a plan, entry by entry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Value = str | int | float | bool | Sequence[Any] | Mapping[str, Any] | None


@dataclass(frozen=True)
class DraftEntry:
    """One entry of the plan: ``path`` is its section and name (``("events", "signed_up")``).

    ``guesses`` say why a value is a guess, by its key; by "" where the whole entry is one.
    """

    path: tuple[str, ...]
    value: Value = None
    guesses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Draft:
    """Entries in the order of the file that they came from; ``notes`` say what was not understood.

    ``examples`` are blocks of code by their language, which may send events of the draft.
    """

    entries: Sequence[DraftEntry]
    notes: Sequence[str] = ()
    examples: Sequence[tuple[str, str]] = ()


def entry(path: tuple[str, ...], guesses: Mapping[str, str] | None = None, **values: Value) -> DraftEntry:
    """An entry without the values that are empty; `False` stays. Of the texts in a list, each is there once."""
    plain = {key: _plain(value) for key, value in values.items()}
    filled = {key: value for key, value in plain.items() if value is False or value}
    return DraftEntry(
        path, filled or None, {key: why for key, why in (guesses or {}).items() if not key or key in filled}
    )


def _plain(value: Value) -> Value:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list | tuple):
        return list(dict.fromkeys(text.strip() for text in value if text.strip()))
    return value
