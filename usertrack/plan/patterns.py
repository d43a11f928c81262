"""Patterns of names, such as ``command_*``."""

import re
from functools import cache


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


def matches(pattern: str, name: str) -> bool:
    """Whether ``name`` is ``pattern``, in which ``*`` stands for any text."""
    return pattern == name or ("*" in pattern and _expression(pattern).fullmatch(name) is not None)
