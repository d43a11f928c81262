"""Answers of a company's ClickHouse, which gives each of them once, until something is written: most of a question is
the time in which ClickHouse reads it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from usertrack.server.database import execute
from usertrack.server.database.session import ClickHouseSession
from usertrack.server.database.store import Store

_TAG = re.compile(r"log_comment='[^']*'")  # each question has its own
_ALWAYS_NEW = re.compile(r"\b(?:now|now64|today|rand\w*|generateUUID\w*)\(|system\.")
_READS = ("SELECT", "WITH", "DESCRIBE")
_NO_ROWS = re.compile(r"\bLIMIT 0\b(?!.*\bLIMIT\b)", re.DOTALL)
_without_rows: dict[tuple[str, str], bytes] = {}  # whether a query can run rests on no row: the same for all stores


@contextmanager
def given_once(store: Store | None) -> Iterator[None]:
    """What ``store`` has answered to a question of a user it answers again, unless it was written to meanwhile.

    Every store does so with a question for no rows.
    """
    answers: dict[tuple[str, str], bytes] = {}
    writes = [0]
    ask, query = execute._run, ClickHouseSession.query

    def ask_once(session: ClickHouseSession, sql: str, fmt: str) -> bytes:
        question = _TAG.sub("", sql), fmt
        no_rows = _NO_ROWS.search(sql)
        if not (no_rows or session is store) or question[0] == sql or _ALWAYS_NEW.search(sql):
            return ask(session, sql, fmt)
        answered = _without_rows if no_rows else answers
        if question in answered:
            return answered[question]
        before, answer = writes[0], ask(session, sql, fmt)
        if writes[0] == before:
            answered[question] = answer
        return answer

    def query_and_forget(session: ClickHouseSession, sql: str, *more: Any) -> bytes:
        try:
            return query(session, sql, *more)
        finally:
            if not sql.startswith(_READS):
                writes[0] += 1
                answers.clear()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execute, "_run", ask_once)
        patch.setattr(ClickHouseSession, "query", query_and_forget)
        yield
