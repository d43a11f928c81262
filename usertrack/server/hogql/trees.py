"""A cache of syntax trees on disk, as PostHog's grammar takes 5 to 300 ms for a query.

A tree is stored without strings, numbers and quoted names, which may be data of people, under a hash of the query's
text without them. So are its longer pieces, which queries with another condition have in common. The cache can be
deleted.
"""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

from usertrack.server.hogql.errors import HogQLError
from usertrack.server.hogql.literals import with_values, without_values
from usertrack.server.hogql.parse import Node, parse_expression, parse_select
from usertrack.server.hogql.pieces import Parse, parse_in_pieces

_SHORT = 200  # characters: parsing is as fast as reading the cache
_MAX_TREES = 2000  # trees; then the older half is deleted


class Trees:
    """Parses like ``parse_select``; a text that differs only in its values is parsed once per folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def parse(self, text: str) -> Node:
        """The syntax tree of one SELECT; raises what ``parse_select`` raises."""
        return self._cached(text, lambda query_text: parse_in_pieces(query_text, self._query, self._condition))

    def _query(self, text: str) -> Node:
        return self._cached(text, parse_select)

    def _condition(self, text: str) -> Node:
        return parse_expression(text) if len(text) < _SHORT else self._cached(text, parse_expression)

    def _cached(self, text: str, parse: Parse) -> Node:
        parts = without_values(text)
        if parts:
            with suppress(HogQLError, ValueError):
                shape, values = parts
                path = self._folder / f"{hashlib.sha256(shape.encode(errors='surrogatepass')).hexdigest()}.json"
                with suppress(OSError, ValueError):
                    cached: Node = with_values(json.loads(path.read_bytes()), values)
                    return cached
                tree = parse(shape)
                filled_tree: Node = with_values(tree, values)
                with suppress(OSError):  # a full disk costs time only
                    self._folder.mkdir(mode=0o700, exist_ok=True)
                    fresh = path.with_suffix(f".{os.getpid()}.new")
                    fresh.write_text(json.dumps(tree))
                    fresh.replace(path)
                    files = sorted(self._folder.glob("*.json"), key=lambda file: file.stat().st_mtime)
                    for file in files[: _MAX_TREES // 2] if len(files) > _MAX_TREES else ():
                        file.unlink(missing_ok=True)
                return filled_tree
        return parse(text)  # also for its error message, which has the values
