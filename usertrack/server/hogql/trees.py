"""Syntax trees of queries, kept beside the data: PostHog's grammar takes 10 to 1 000 ms for a query.

A tree is kept without strings, numbers and quoted names, which may be somebody's, and found by the query's text without
them. So are its longer pieces: a query with another condition has most of them in common with what is known. Losing the
folder loses nothing but time.
"""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

from usertrack.server.hogql.errors import HogQLError
from usertrack.server.hogql.literals import filled, lifted
from usertrack.server.hogql.parse import Node, parse_expression, parse_select
from usertrack.server.hogql.pieces import Parse, parse_in_pieces

_SHORT = 200  # characters: parsed as fast as read
_MOST = 2000  # trees; beyond that the oldest half goes


class Trees:
    """Parses as ``parse_select`` does, what differs in its values alone once per folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def parse(self, text: str) -> Node:
        """The syntax tree of one SELECT; raises what ``parse_select`` raises."""
        return self._cached(text, lambda whole: parse_in_pieces(whole, self._query, self._condition))

    def _query(self, text: str) -> Node:
        return self._cached(text, parse_select)

    def _condition(self, text: str) -> Node:
        return parse_expression(text) if len(text) < _SHORT else self._cached(text, parse_expression)

    def _cached(self, text: str, parse: Parse) -> Node:
        without = lifted(text)
        if without:
            with suppress(HogQLError, ValueError):
                shape, values = without
                return self._filled(shape, values, parse)
        return parse(text)  # also for its error, which tells of the values

    def _filled(self, shape: str, values: list[str], parse: Parse) -> Node:
        path = self._folder / f"{hashlib.sha256(shape.encode(errors='surrogatepass')).hexdigest()}.json"
        with suppress(OSError, ValueError):
            known: Node = filled(json.loads(path.read_bytes()), values)
            return known
        tree = parse(shape)
        filled_tree: Node = filled(tree, values)
        with suppress(OSError):  # a full disk costs time only
            self._keep(path, json.dumps(tree))
        return filled_tree

    def _keep(self, path: Path, tree: str) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}.new")
        fresh.write_text(tree)
        fresh.replace(path)
        files = sorted(self._folder.glob("*.json"), key=lambda file: file.stat().st_mtime)
        for file in files[: _MOST // 2] if len(files) > _MOST else ():
            file.unlink(missing_ok=True)
