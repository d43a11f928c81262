"""Answers of a server whose present stands still, as the demo's does: given again while the data is the same.

The data says that itself: ClickHouse never changes a file, so the files of all tables are their state. Whatever writes,
erases or merges makes other files, and no writer has to think of this cache. To read that state takes two milliseconds,
a query of the demo 15 to 60.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable

from usertrack.server.database.execute import read_rows
from usertrack.server.database.store import Store
from usertrack.server.hogql.compiled import CompiledQuery

MOST_BYTES = 32 << 20  # bytes of answers
_STATE = (
    "SELECT count(), sum(cityHash64(table, name, hash_of_all_files)) FROM system.parts "
    "WHERE active AND database = 'posthog' SETTINGS output_format_json_quote_64bit_integers = 0"
)
_CHANCE = re.compile(r"\b(?:rand|rand64|generateUUIDv4|rowNumberInBlock|rowNumberInAllBlocks)\(")


class AnswerCache:
    """The answers of one state of the data, the least recently used of which go first. Safe to call from threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._state: object = None
        self._answers: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0  # bytes of all answers

    def answer(self, question: str, ask: Callable[[], tuple[bytes, bool]]) -> bytes:
        """The answer to ``question``, which names all that it depends on but the data.

        ``ask`` returns it, and whether it would be the same again.
        """
        state = self._current_state()  # before the answer, which may be newer than this, but never older
        with self._lock:
            if state != self._state:
                self._state = state
                self._answers.clear()
                self._size = 0
            if question in self._answers:
                self._answers.move_to_end(question)
                return self._answers[question]
        answer, lasts = ask()
        if lasts:
            self._add(question, answer, state)
        return answer

    def _add(self, question: str, answer: bytes, state: object) -> None:
        with self._lock:
            if state != self._state or question in self._answers:
                return
            self._answers[question] = answer
            self._size += len(answer)
            while self._size > MOST_BYTES:
                _, former = self._answers.popitem(last=False)
                self._size -= len(former)

    def _current_state(self) -> object:
        """Differs from that of any other moment at which a query would see other data, or types of properties."""
        return self._store.definitions.known(), read_rows(self._store, _STATE)


def is_repeatable(compiled: CompiledQuery) -> bool:
    """Whether the query gives the same answer until the data changes. Its present is a constant in its SQL."""
    return not _CHANCE.search(compiled.clickhouse)
