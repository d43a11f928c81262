"""A viewer's screen at a moment, and its difference from the screen before.

State wins over history: whoever was away gets what has changed since, once, however much that was.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Rows = Mapping[str, str]
"""HTML by the key of its row, in order."""


@dataclass(frozen=True, eq=False)
class Screen:
    """``texts`` are the HTML of places, by their id; ``lists`` are rows, by the id of their list. At ``now``."""

    id: str
    now: datetime
    texts: Mapping[str, str]
    lists: Mapping[str, Rows]
    _messages: dict[str, bytes] = field(default_factory=dict, repr=False)

    def message(self, before: "Screen | None") -> bytes:
        """The Server-Sent Event that makes this screen of ``before``, or of nothing; b"" where they show the same.

        Viewers who saw the same before share it.
        """
        key = before.id if before else ""
        if key not in self._messages:
            self._messages[key] = self._event(before)
        return self._messages[key]

    def _event(self, before: "Screen | None") -> bytes:
        texts = {place: html for place, html in self.texts.items() if not before or before.texts.get(place) != html}
        lists = {
            name: _changes(rows, before.lists.get(name) if before else None)
            for name, rows in self.lists.items()
            if not before or not _are_equal(before.lists.get(name), rows)
        }
        if before and not texts and not lists:
            return b""
        data = {"now": self.now.timestamp(), "texts": texts, "lists": lists}
        return f"id: {self.id}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode(errors="replace")


def _are_equal(before: Rows | None, after: Rows) -> bool:
    return before is not None and before == after and list(before) == list(after)


def _changes(after: Rows, before: Rows | None) -> dict[str, Any]:
    known = before or {}
    return {"order": list(after), "rows": {key: html for key, html in after.items() if known.get(key) != html}}
