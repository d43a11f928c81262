"""Finds the line and column of an error in typed SQL, both counted from 1."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from usertrack.core.errors import UsageError
from usertrack.core.source_names import POSTGRES
from usertrack.library.entities import ACCOUNTS, CTE, FORMER_ACCOUNTS, PREFIX, Entity, name_entities
from usertrack.library.sql import on_one_line, tokens_of


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


class EntityLine(NamedTuple):
    """A line of the file of an entity; as a text, ``tables/neon/runs.sql:15``."""

    entity: Entity
    number: int

    def __str__(self) -> str:
        return f"{self.entity.place}:{self.number}"


def line_of_entity(entities: Mapping[str, Entity], before: str, after: str) -> EntityLine | None:
    """The line of an error between ``before`` and ``after``, where that is in the CTE of one of the ``entities``.

    Of what the library puts around the SQL of the file, it is the line that has the word at the error.
    """
    before, after = (_SETTING.sub(r"{\1}", part) for part in (before, after))
    opening = max(_OPENING.finditer(before), key=lambda match: match.start(), default=None)
    if opening is None or _is_closed(before[opening.end() :]):
        return None
    entity = entities[ACCOUNTS.name if opening[1] == FORMER_ACCOUNTS else opening[1]]
    sql = on_one_line(name_entities(entity.sql)[0])
    start = (before + after).find(sql, opening.end())
    if not start <= len(before) < start + len(sql):
        word = re.match(r"\w+", after)
        return EntityLine(entity, line_with(word[0] if word else "", entity.written, entity.line))
    written = name_entities(entity.written)[0]
    token = tokens_of(written, POSTGRES)[len(tokens_of(before[start:], POSTGRES))]
    return EntityLine(entity, entity.line + written[: token.start].count("\n"))


_OPENING = re.compile(rf"\b{PREFIX}(\w+) {re.escape(CTE)}")


def _is_closed(sql: str) -> bool:
    """Whether ``sql`` goes on behind the bracket that was open before it."""
    depth = 1
    for token in tokens_of(sql, POSTGRES):
        depth += {"L_PAREN": 1, "R_PAREN": -1}.get(token.token_type.name, 0)
        if not depth:
            return True
    return False


def line_of_relation(entities: Mapping[str, Entity], sql: str, relation: str) -> EntityLine | None:
    """The line on which one of the ``entities`` in ``sql`` reads ``relation``."""
    for name, entity in entities.items():
        if f"{PREFIX}{name} {CTE}" in sql and re.search(rf"\b{re.escape(relation)}\b", entity.sql):
            return EntityLine(entity, line_with(relation, entity.written, entity.line))
    return None


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
