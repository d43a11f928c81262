"""Where in SQL that somebody typed an error is: its line and column, each counted from 1."""

import re

from usertrack.core.errors import UsageError
from usertrack.library.sql import tokens_of


def position(text: str, offset: int) -> str:
    """The place of the character at ``offset``, as ``2:13``."""
    before = text[:offset]
    return f"{before.count(chr(10)) + 1}:{offset - before.rfind(chr(10))}"


def line_with(word: str, sql: str, first: int) -> int:
    """The number of the last line of ``sql`` with ``word``, in any case; ``first`` is that of its first line."""
    lines = enumerate(sql.split("\n"), first)
    return max((n for n, text in lines if re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE)), default=first)


def position_between(written: str, before: str, after: str) -> str:
    """The place in ``written`` of an error between ``before`` and ``after``, which together are the SQL that ran.

    Only the line, where what ran differs from what was written in that line, as with an entity or a fragment, and the
    word at the error does not stand there exactly once.
    """
    line = before.count("\n") + 1
    text = dict(enumerate(written.split("\n"), 1)).get(line, "")
    start = _SETTING.sub(r"{\1}", before.rpartition("\n")[2])
    if text.startswith(start):
        return f"{line}:{len(start) + 1}"
    word = re.match(r"\w+", after)
    columns = [match.start() + 1 for match in re.finditer(rf"\b{word[0]}\b", text)] if word else []
    return f"{line}:{columns[0]}" if len(columns) == 1 else str(line)


_SETTING = re.compile(r"\(current_setting\('usertrack\.(\w+)'\)::[\w\[\] ]+\)")


def position_of_refusal(sql: str, source: str) -> str:
    """The place for which `statement_of` refuses ``sql``; empty where it has no place."""
    try:
        tokens = tokens_of(sql, source)
    except UsageError as error:
        return position(sql, _unclosed(sql, error))
    ends = [token.text == ";" and token.token_type.name == "SEMICOLON" for token in tokens]
    second = ends.index(True) + 1 if True in ends else 0
    token = next((token for token in tokens[second:] if token.text not in ("(", ";")), None)
    return position(sql, token.start) if token else ""


def _unclosed(sql: str, error: UsageError) -> int:
    """The offset of the string or comment that never ends."""
    cause: BaseException | None = error
    while cause:
        if start := re.search(r"from \d+:(\d+)$", str(cause)):
            return int(start[1])
        cause = cause.__cause__
    return max(0, sql.rfind("/*"))


def position_of_message(sql: str, source: str, message: str) -> str:
    """The place that a message of PostHog is about; empty unless it names a text that ``sql`` has exactly once."""
    if excerpt := re.search(r"at input '(.+)'", message, re.DOTALL):
        words = re.split(r"(?:\\n|\s)+", excerpt[1])
        places = [
            match.start(len(words)) for match in re.finditer(r"\s+".join(f"({re.escape(word)})" for word in words), sql)
        ]
        return position(sql, places[0]) if len(places) == 1 else ""
    for pattern in _NAMED:
        if name := re.search(pattern, message):
            places = [token.start for token in tokens_of(sql, source) if token.text == name[1]]
            return position(sql, places[0]) if len(places) == 1 else ""
    return ""


_NAMED = (r"input '([^']+)'", r"field: ([\w$]+)$", r"table `([^`]+)`", r"function call '(\w+)")
