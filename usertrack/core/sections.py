"""Warnings in reports when a source did not answer."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from usertrack.core.document import Document, Paragraph
from usertrack.core.errors import UsertrackError
from usertrack.core.provenance import with_missing


def unknown_paragraph(*reasons: str) -> Paragraph:
    """A paragraph in place of figures that are unknown."""
    return Paragraph(f"unknown: {'; '.join(dict.fromkeys(reasons))}", "warning")


_NAMED = 3  # queries that are named, of those that failed for the same reason


def _grouped(reasons: Mapping[str, str]) -> list[str]:
    """Each reason once, with the queries that failed for it, where it names them."""
    queries: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        message = re.sub(rf"^\S*{re.escape(name)}(\.sql)?(:\d+)*: ", "", reason)
        queries.setdefault(message, []).extend([name] * (message != reason))
    return [f"{message} ({_few(names)})" if names else message for message, names in queries.items()]


def _few(names: Sequence[str]) -> str:
    more = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
    return ", ".join([*sorted(names)[:_NAMED], *more])


def with_unanswered(document: Document, unanswered: Mapping[str, UsertrackError]) -> tuple[Document, str]:
    """The report with a warning at its top and in its provenance, and that warning; unchanged without unanswered ones.

    ``unanswered`` are the errors by query.
    """
    if not unanswered:
        return document, ""
    reasons = {name: error.message for name, error in unanswered.items()}
    warning = f"This report is incomplete: {'; '.join(_grouped(reasons))}. What rests on it is unknown"
    hints = {error.hint for error in unanswered.values()}
    warning += f"; {hints.pop()}" if len(hints) == 1 and "" not in hints else ""  # one remedy for all of it
    provenance = with_missing(document.provenance, reasons) if document.provenance else None
    report = replace(document, blocks=(Paragraph(warning, "warning"), *document.blocks), provenance=provenance)
    if data := document.data:
        report = replace(report, data=lambda: {**data(), "incomplete": warning})
    return report, warning
