"""The words of names: how they are written, their tense, and what they have in common with others."""

import re
from collections.abc import Iterable, Sequence
from functools import cache

from usertrack.plan.lint.vocabulary import word_map, word_set
from usertrack.plan.model import CASES, Case

_HUMP = re.compile(r"(?<=[^\WA-Z_])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][^\W\dA-Z_])")
_WORD = re.compile(r"[^\W_]+")
_CASES: dict[Case, re.Pattern[str]] = {
    "snake_case": re.compile(r"[^\W_A-Z]+(_[^\W_A-Z]+)*"),
    "kebab-case": re.compile(r"[^\W_A-Z]+(-[^\W_A-Z]+)*"),
    "dot.case": re.compile(r"[^\W_A-Z]+(\.[^\W_A-Z]+)*"),
    "camelCase": re.compile(r"[^\W\d_A-Z][^\W_]*"),
    "PascalCase": re.compile(r"[^\W_a-z][^\W_]*"),
    "Title Case": re.compile(r"[^\Wa-z_]\S*( \S+)*"),
    "Sentence case": re.compile(r"[^\Wa-z_][^\sA-Z]*( ([^\sA-Z]+|[A-Z0-9]+))*"),
}
_JOINTS: dict[Case, str] = {"snake_case": "_", "kebab-case": "-", "dot.case": ".", "camelCase": "", "PascalCase": ""}


def words_of(name: str) -> list[str]:
    """The words of ``name`` in lower case, whatever it is written in: `teamSlug`, `team-slug`, `Team Slug`."""
    return [word.lower() for word in _WORD.findall(_HUMP.sub(" ", name))]


def is_case(name: str, case: Case, separator: str | None = None) -> bool:
    parts = name.split(separator) if separator else [name]
    return all(_CASES[case].fullmatch(part) for part in parts) and (case != "Title Case" or _is_titled(name))


def _is_titled(name: str) -> bool:
    return not any(word[0].islower() and word not in word_set("small") for word in name.split())


def in_case(name: str, case: Case, separator: str | None = None) -> str:
    """``name`` in this case; parts that ``separator`` joins stay parts."""
    parts = name.split(separator) if separator else [name]
    return (separator or "").join(_joined(words_of(part), case) for part in parts)


def _joined(words: Sequence[str], case: Case) -> str:
    capitals = [word.capitalize() for word in words]
    if case == "camelCase":
        return "".join([*words[:1], *capitals[1:]])
    if case == "PascalCase":
        return "".join(capitals)
    if case == "Title Case":
        titled = [word if word in word_set("small") else word.capitalize() for word in words]
        return " ".join([*capitals[:1], *titled[1:]])
    if case == "Sentence case":
        return " ".join([*capitals[:1], *words[1:]])
    return _JOINTS[case].join(words)


def like(name: str, words: Sequence[str]) -> str:
    """``words``, written as ``name`` is, where that is one of the cases; else in snake_case."""
    case: Case = next((case for case in CASES if is_case(name, case)), "snake_case")
    return _joined(words, case)


def is_past(words: Iterable[str]) -> bool:
    """Whether any word is in the past, or may be: in -ed, or an irregular participle such as `sent` and `run`."""
    return any(word in _participles() or (word.endswith("ed") and word not in word_set("not_past")) for word in words)


def is_past_alone(words: Iterable[str]) -> bool:
    """Return whether any word is in the past alone: `run` and `reset` are the present as well."""
    return is_past(word for word in words if word_map("irregular").get(word) != word)


@cache
def _participles() -> frozenset[str]:
    return word_set("further_past") | set(word_map("irregular").values())


def is_ongoing(words: Iterable[str]) -> bool:
    return any(word.endswith("ing") and word not in word_set("not_ongoing") for word in words)


def in_the_past(words: Sequence[str]) -> list[str]:
    """The words with their verb in the past, at the end: `delete account` → `account deleted`. Empty: no verb known."""
    verbs = word_set("verbs") | set(word_map("irregular"))
    if words and words[-1] in verbs:
        return [*words[:-1], past_of(words[-1])]
    if len(words) > 1 and words[-1] in word_set("particles") and words[-2] in verbs:
        return [*words[:-2], past_of(words[-2]), words[-1]]
    if len(words) > 1 and words[0] in verbs and words[1] not in verbs:
        return [*words[1:], past_of(words[0])]
    noun = word_map("nouns").get(words[-1]) if words else None
    return [*words[:-1], *noun.split("_")] if noun else []


def past_of(verb: str) -> str:
    if verb in word_map("irregular"):
        return word_map("irregular")[verb]
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ied"
    doubles = re.fullmatch(r"[^aeiou]*[aeiou][bdgklmnprt]", verb) and verb not in ("load",)
    return verb + verb[-1] * bool(doubles) + "ed"


def stem(word: str) -> str:
    """Return what the forms of a word share: failed, failure and fails → fail; created, creation → creat."""
    word = next((verb for verb, participle in word_map("irregular").items() if word == participle), word)
    for ending in ("ellation", "ation", "ition", "uring", "ured", "ion", "ing", "ure", "ed", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending)
            break
    word = word.removesuffix("at") if len(word) > 5 else word  # navigated → navigat → navig
    return word[:-1] if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "aeious" else word
