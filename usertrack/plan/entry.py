"""The mappings of a `tracking.yaml`, read by their types. Errors name the file, the line and what to write."""

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import ClassVar, TypeVar

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.json_types import JsonObject
from usertrack.core.yaml_file import YamlFile

Choice = TypeVar("Choice", bound=str)
_PERCENT = re.compile(r"(\d+(?:\.\d+)?) ?%")


class PlanFile(YamlFile):
    """A `tracking.yaml`. A name that YAML takes for a number (`phase: 1`) is a text here."""

    needs: ClassVar[str] = "`events:`"
    hint: ClassVar[str] = "write `events: {signed_up: {description: …}}`; `usertrack plan init` makes a plan"
    may_be_empty: ClassVar[bool] = True

    def named(self, value: object, *keys: str | int) -> JsonObject:
        """The values by name, none where nothing is written; raises UsageError where it is no mapping."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            hint = f"write `{keys[-1]}: {{NAME: …}}`"
            raise self.wrong(f"'{keys[-1]}' takes a mapping, a name and what is said of it", *keys, hint=hint)
        return {self._name(name, *keys): item for name, item in value.items()}

    def _name(self, name: object, *keys: str | int) -> str:
        if isinstance(name, int) and not isinstance(name, bool):
            return str(name)
        if not isinstance(name, str):
            raise self.wrong(f"the name {_spelled(name)} is not a text", *keys, name, hint="put it in quotes")
        if not name.strip():
            raise self.wrong("a name is empty", *keys, name, hint="give it a name, or take it out")
        return name

    def text(self, value: object, *keys: str | int) -> str:
        """A text, whole number or date as text."""
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, date | datetime):
            return value.isoformat()
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        hint = "put it in quotes" if isinstance(value, bool | float) else "write a text"
        raise self.wrong(f"'{_last_name(keys)}' takes a text, not {_spelled(value)}", *keys, hint=hint)

    def texts(self, value: object, *keys: str | int) -> tuple[str, ...]:
        """A list of different texts, or a single one."""
        if value is None:
            return ()
        if isinstance(value, dict):
            hint = f"write `{keys[-1]}: [{', '.join(map(str, value)) or 'NAME'}]`"
            raise self.wrong(f"'{keys[-1]}' takes a list", *keys, hint=hint)
        items = value if isinstance(value, list) else [value]
        texts = [self.text(item, *keys, number) for number, item in enumerate(items)]
        for number, text in enumerate(texts):
            if text in texts[:number]:
                raise self.wrong(f"'{text}' is listed twice", *keys, number, hint="take one out")
        return tuple(texts)

    def known_name(self, name: str, known: Iterable[str], kind: str, *keys: str | int) -> str:
        """``name``; raises UsageError where it is none of ``known``, the names that `kind` has in the plan."""
        names = list(known)
        if name not in names:
            hint = did_you_mean(name, names, f"there are {', '.join(names)}" if names else f"add it to `{kind}:`")
            raise self.wrong(f"'{kind}' has no '{name}'", *keys, hint=hint)
        return name


class Entry:
    """The mapping at ``keys``, empty where nothing is written. Raises UsageError for a key that is not in ``known``."""

    def __init__(self, file: PlanFile, value: object, known: Sequence[str], *keys: str | int) -> None:
        if value is not None and not isinstance(value, dict):
            hint = f"write `{_last_name(keys)}: {{{known[0]}: …}}`; known: {', '.join(sorted(known))}"
            raise file.wrong(f"'{_last_name(keys)}' takes a mapping, not {_spelled(value)}", *keys, hint=hint)
        self.file = file
        self.values: JsonObject = value or {}
        self.keys = keys
        self.line = file.line(*keys)
        file.known(self.values, set(known), *keys)

    def text(self, key: str) -> str | None:
        value = self.values.get(key)
        return None if value is None else self.file.text(value, *self.keys, key)

    def raw_text(self, key: str) -> str | None:
        """A text with the blanks around it, as separators and prefixes have them."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            raise self.wrong(f"'{key}' takes a text, not {_spelled(value)}", key, hint="put it in quotes")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        return self.file.texts(self.values.get(key), *self.keys, key)

    def flag(self, key: str) -> bool:
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(f"'{key}' is true or false", key)
        return bool(value)

    def choice(self, key: str, choices: Sequence[Choice]) -> Choice | None:
        """One of ``choices``, None where nothing is written."""
        value = self.values.get(key)
        if value is None:
            return None
        text = self.file.text(value, *self.keys, key)
        for choice in choices:
            if text == choice:
                return choice
        known = f"it is one of {', '.join(choices)}"
        raise self.wrong(f"unknown {key} '{text}'", key, hint=did_you_mean(text, choices, known))

    def position(self, key: str) -> int | None:
        value = self.values.get(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
            return value
        raise self.wrong(f"'{key}' takes a whole number from 0, not {_spelled(value)}", key)

    def numbers(self, key: str) -> dict[str, float]:
        """Numbers by name; `100%` is 1."""
        values = self.file.named(self.values.get(key), *self.keys, key)
        return {name: self._number(value, key, name) for name, value in values.items()}

    def _number(self, value: object, *keys: str) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        match = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
        if not match:
            raise self.wrong(f"{_spelled(value)} is no number", *keys, hint="write 2000 or 95%")
        return float(match[1]) / 100

    def wrong(self, message: str, *keys: str, hint: str = "") -> UsageError:
        return self.file.wrong(message, *self.keys, *keys, hint=hint)


def _spelled(value: object) -> str:
    """``value`` as a message names it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else repr(value) if isinstance(value, str) else str(value)


def _last_name(keys: Sequence[str | int]) -> str:
    return next((key for key in reversed(keys) if isinstance(key, str)), "")
