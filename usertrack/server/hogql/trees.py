"""Syntax trees by the text of their query, kept beside the data: PostHog's grammar takes 10 to 1 000 ms for a query.

Only a text without its values is kept, and its longer pieces: a query with another condition has most of them in
common with what is known. Losing the folder loses nothing but time.
"""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

from usertrack.server.hogql.parse import Node, parse_expression, parse_select
from usertrack.server.hogql.pieces import Parse, parse_in_pieces

_SHORT = 200  # characters: parsed as fast as read
_MOST = 2000  # trees; beyond that the oldest half goes


class Trees:
    """Parses as ``parse_select`` does, each text once per folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def parse(self, text: str) -> Node:
        """The syntax tree of one SELECT; raises what ``parse_select`` raises."""
        return self._kept(text, lambda whole: parse_in_pieces(whole, self._query, self._condition))

    def _query(self, text: str) -> Node:
        return self._kept(text, parse_select)

    def _condition(self, text: str) -> Node:
        return parse_expression(text) if len(text) < _SHORT else self._kept(text, parse_expression)

    def _kept(self, text: str, parse: Parse) -> Node:
        path = self._folder / f"{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()}.json"
        with suppress(OSError, ValueError):
            tree: Node = json.loads(path.read_bytes())
            return tree
        tree = parse(text)
        with suppress(OSError):  # a full disk costs time only
            self._keep(path, json.dumps(tree))
        return tree

    def _keep(self, path: Path, tree: str) -> None:
        self._folder.mkdir(exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}.new")
        fresh.write_text(tree)
        fresh.replace(path)
        kept = sorted(self._folder.glob("*.json"), key=lambda file: file.stat().st_mtime)
        for file in kept[: _MOST // 2] if len(kept) > _MOST else ():
            file.unlink(missing_ok=True)
