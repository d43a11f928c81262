"""Guesses from names and values: the type of a property, and the case that most names have."""

import re
from collections.abc import Iterable, Mapping, Sequence

from usertrack.plan.lint.words import is_case, is_past_alone, words_of
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


def usual_rule(names: Iterable[str]) -> dict[str, str]:
    """The rule that most names of more than one word keep: case, separator where there is one, and tense."""
    several = [name for name in names if len(words_of(name)) > 1 and not name.startswith("$")]
    ways: list[tuple[Case, str | None]] = [(case, separator) for separator in (None, ".", ": ") for case in CASES]
    counts = [sum(is_case(name, case, separator) for name in several) for case, separator in ways]
    if not several or 2 * max(counts) <= len(several):
        return {}
    case, separator = ways[counts.index(max(counts))]
    is_past_tense = sum(is_past_alone(words_of(name)) for name in several) >= 0.8 * len(several)
    rule = {"case": case, "separator": separator or "", "tense": "past" if is_past_tense else ""}
    return {key: value for key, value in rule.items() if value}


def usual_rules(files: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """The rules of names by the ``files`` that send them: one, or one for each top folder where they differ.

    Names of folders with fewer than three follow the last rule, that of what is left.
    """
    tops = {name: {path.partition("/")[0] for path in paths if "/" in path} for name, paths in files.items()}
    folders = sorted({top for names in tops.values() for top in names})
    rules = {top: usual_rule(own) for top in folders if len(own := [name for name in files if top in tops[name]]) >= 3}
    if len({tuple(rule.items()) for rule in rules.values() if rule}) <= 1:
        rules = {}
    rest = usual_rule(name for name in files if not tops[name] & {top for top, rule in rules.items() if rule})
    return [*({"files": f"{top}/**", **rule} for top, rule in rules.items() if rule), *([rest] if rest else [])]


def is_name(text: str) -> bool:
    """Whether a text can be the name of an event or a property in code: one word, no call, path or sentence."""
    return bool(re.fullmatch(r"\$?[A-Za-z][\w.:-]*", text)) and not text.endswith((".", ":"))


def is_event_name(text: str) -> bool:
    """Whether a text in code can be the name of an event: words, of which there may be several."""
    return bool(re.fullmatch(r"\$?[A-Za-z][\w .:-]*", text)) and not text.endswith((".", ":"))
