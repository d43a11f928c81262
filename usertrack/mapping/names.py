"""The words that names of tables and columns are made of: ``lastSeenAt``, ``last_seen_at`` and ``lastseenat`` alike."""

import re
from functools import cache

from usertrack.mapping import rules

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_VOCABULARY = rules.words("vocabulary").union(
    rules.words("membership"), *map(rules.weights, ("runs", "people", "organizations"))
)


@cache
def words(name: str) -> tuple[str, ...]:
    """The words of ``name``, in lower case and in the singular."""
    parts = [part.lower() for part in _PARTS.findall(name)]
    return tuple(_singular(word) for part in parts for word in _known_words(part))


def _known_words(part: str) -> tuple[str, ...]:
    """``userprofiles`` as user and profiles: two or three words of the vocabulary, written as one."""
    if part in _VOCABULARY or _singular(part) in _VOCABULARY:
        return (part,)
    for cut in range(2, len(part) - 1):
        head, tail = part[:cut], part[cut:]
        if head in _VOCABULARY:
            rest = _known_words(tail)
            if all(word in _VOCABULARY or _singular(word) in _VOCABULARY for word in rest):
                return (head, *rest)
    return (part,)


def _singular(word: str) -> str:
    if word in rules.words("singular") or len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return {"people": "person"}.get(word, word)
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes", "tuses", "uses")) and not word.endswith("buses"):
        return word[:-2]
    return word[:-1]
