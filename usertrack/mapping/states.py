"""Sorts the words of a status: success, failure, still running, or cancelled."""

import re
from collections.abc import Iterable, Mapping

from usertrack.mapping import rules
from usertrack.mapping.names import words

_NUMBERED = re.compile(r"(\d+)\s*[:=\-–.)]*\s*['\"]?([A-Za-z][A-Za-z_ ]*)|([A-Za-z][A-Za-z_]*)['\"]?\s*[:=(]+\s*(\d+)")
_RAW = re.compile(r"[a-z]+")


def meaning(label: str) -> str:
    """The state that ``label`` stands for, such as failed for ``TIMED_OUT``; empty for one that no rule knows."""
    parts = {*words(label), *_RAW.findall(label.lower())}
    if parts & rules.words("again") or ("not" in parts and parts & {"started", "start", "run"}):
        return "running"
    if {"timed", "out"} <= parts or {"time", "out"} <= parts:
        return "failed"
    return next((state for state, known in rules.groups("states").items() if parts.intersection(known)), "")


def sorted_states(labels: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The labels by what they mean; those without a known meaning are in none."""
    states: dict[str, tuple[str, ...]] = {}
    for label in labels:
        if state := meaning(label):
            states[state] = (*states.get(state, ()), label)
    return {state: states[state] for state in ("ok", "failed", "running", "cancelled") if state in states}


def numbered_states(comment: str) -> dict[str, str]:
    """Return the words of numbers by a comment such as ``0: queued, 1: running, 2: done``."""
    return {a or d: (b or c).strip() for a, b, c, d in _NUMBERED.findall(comment)}


def unknown_labels(labels: Iterable[str], states: Mapping[str, Iterable[str]]) -> list[str]:
    known = {label for words in states.values() for label in words}
    return [label for label in labels if label not in known]
