"""Names of events: patterns such as ``command_*``, and names that are nearly the same."""

import re
from collections.abc import Iterable
from functools import lru_cache

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
_SHARED, _ENDING = 4, 4  # letters that two forms of a word share, and those in which their ends may differ
_LONG, _NAME = 5, 8  # letters of a word, and of a name, in which one typo leaves no doubt


def says_something(pattern: str) -> bool:
    """Whether a pattern has a letter of a name: ``*`` alone would match them all."""
    return any(sign.isalnum() for sign in pattern)


def words(name: str) -> tuple[str, ...]:
    """``reportExported``, ``Report Exported`` and ``report_exported`` are ``("report", "exported")``."""
    return tuple(word.lower() for word in _WORD.findall(name))


def near(name: str, others: Iterable[str]) -> list[str]:
    """Return the ``others`` that are nearly ``name``, the most similar first; needs the extra ``plan``.

    They have the same words in any case and order, but for endings (``exported`` and ``export``) and single typos; or
    one letter at the most is wrong in all of a long name, without what separates its words.
    """
    from rapidfuzz import fuzz

    own, letters = _in_order(name), _letters(name)
    candidates = [
        other
        for other in others
        if other != name and (_same_words(own, _in_order(other)) or _one_slip(letters, _letters(other)))
    ]
    return sorted(candidates, key=lambda other: (-fuzz.ratio(name, other), other))


@lru_cache(maxsize=100_000)  # each name is compared with all names of the plan
def _letters(name: str) -> str:
    return "".join(sign for sign in name.lower() if sign.isalnum())


def _one_slip(left: str, right: str) -> bool:
    """Whether one letter at the most is missing, wrong, added or swapped with the next; digits tell things apart."""
    if abs(len(left) - len(right)) > 1 or min(len(left), len(right)) < _NAME:
        return False
    from rapidfuzz.distance import OSA

    if OSA.distance(left, right, score_cutoff=1) > 1:
        return False
    digits = [[sign for sign in text if sign.isdigit()] for text in (left, right)]
    return digits[0] == digits[1]


@lru_cache(maxsize=100_000)  # each name is compared with all names of the plan
def _in_order(name: str) -> tuple[str, ...]:
    return tuple(sorted(words(name)))


def _same_words(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    return len(left) == len(right) > 0 and all(map(_same_word, left, right))


@lru_cache(maxsize=100_000)  # each name is compared with all names of the plan
def _same_word(left: str, right: str) -> bool:
    from rapidfuzz.distance import OSA, Prefix

    if left == right:
        return True
    if left.isdigit() or right.isdigit():
        return False
    shared = Prefix.similarity(left, right)
    rest = max(len(left), len(right)) - shared
    is_plural = rest == 1 and (left + "s" == right or right + "s" == left)
    is_form = shared >= _SHARED and rest <= _ENDING
    return is_plural or is_form or (min(len(left), len(right)) >= _LONG and OSA.distance(left, right) == 1)
