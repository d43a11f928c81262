"""What names and values tell: the type of a property, and the case that most names have."""

import re
from collections import Counter
from collections.abc import Iterable

from usertrack.plan.lint.words import is_case, is_past, words_of
from usertrack.plan.model import CASES, Case, Type

_PREFIXES: dict[str, Type] = {"is": "boolean", "has": "boolean", "can": "boolean", "num": "integer", "total": "integer"}
_SUFFIXES: dict[str, Type] = {
    **dict.fromkeys(("count", "index"), "integer"),
    **dict.fromkeys(("rate", "ratio", "percent", "ms", "seconds"), "number"),
    **dict.fromkeys(("enabled", "complete"), "boolean"),
    "at": "datetime",
}


def type_of_name(name: str) -> Type | None:
    """The type that a property's name speaks of: `has_filters` is a boolean, `member_count` an integer."""
    words = words_of(name)
    if len(words) < 2:
        return "integer" if words == ["count"] else None
    return _PREFIXES.get(words[0]) or _SUFFIXES.get(words[-1])


def unit_of_name(name: str) -> str | None:
    last = words_of(name)[-1:]
    return {"ms": "milliseconds", "seconds": "seconds", "percent": "percent"}.get(last[0]) if last else None


def usual_case(names: Iterable[str]) -> Case | None:
    """The case of most names that have more than one word."""
    several = [name for name in names if len(words_of(name)) > 1 and not name.startswith("$")]
    counts = Counter({case: sum(is_case(name, case) for name in several) for case in CASES})
    case, count = max(counts.items(), key=lambda item: item[1])
    return case if several and 2 * count > len(several) else None


def is_mostly_past(names: Iterable[str]) -> bool:
    """Whether four of five names have a word in the past."""
    several = [words_of(name) for name in names if len(words_of(name)) > 1]
    return bool(several) and sum(map(is_past, several)) >= 0.8 * len(several)


def is_name(text: str) -> bool:
    """Whether a text can be the name of an event or a property in code: one word, no call, path or sentence."""
    return bool(re.fullmatch(r"\$?[A-Za-z][\w.:-]*", text)) and not text.endswith((".", ":"))
