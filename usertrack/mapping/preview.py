"""A proposal as people see it: its table, why, how sure, the SELECT, and five rows of what it would mean."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from usertrack.core.document import Block, Document, Facts, Listing, Paragraph
from usertrack.core.source_names import POSTGRES
from usertrack.core.table import Column, Table
from usertrack.core.words import number, plural
from usertrack.library.entities import ACCOUNTS
from usertrack.library.library import Statement
from usertrack.mapping.proposal import Proposal

ROWS = 5  # enough to see what a column holds


def preview(proposal: Proposal) -> Statement:
    """Five rows of the entity."""
    return Statement(POSTGRES, f"SELECT * FROM (\n{proposal.sql}\n) AS proposed", name=proposal.kind.name, limit=ROWS)


# Rows of which is counted how many have an account: some milliseconds, and enough to see a wrong way. They are those
# that PostgreSQL reads first, as sorting a large table takes minutes.
_REACHED = 10_000


def reach(proposal: Proposal) -> list[Statement]:
    """Return the statement that counts the rows of ``proposal``, and those with an account; none for accounts."""
    if proposal.kind is ACCOUNTS or "account_id" not in dict(proposal.select.columns):
        return []
    rows = f"SELECT proposed.account_id FROM (\n{proposal.sql}\n) AS proposed LIMIT {_REACHED}"
    sql = f"SELECT count(*) AS rows, count(account_id) AS of_accounts FROM ({rows}) AS first"
    return [Statement(POSTGRES, sql, name=f"accounts of {proposal.kind.name}", limit=1)]


def judge_reach(proposal: Proposal, rows: int, of_accounts: int) -> None:
    """Note on ``proposal`` that rows lead to no account, and trust it little where most do not, or there are none."""
    of_all = f"a sample of {number(rows)}" if rows == _REACHED else number(rows)
    note = f"{number(rows - of_accounts)} of {of_all} rows lead to no account"
    if of_accounts < rows and note not in proposal.notes:  # a proposal that is corrected is judged again
        proposal.notes.append(note)
    proposal.is_empty = not rows
    if 2 * of_accounts < max(rows, 1):  # nor is a table trusted that is empty
        proposal.confidence = "low"


def proposal_document(
    proposal: Proposal, rows: Table | None, near: Mapping[str, Sequence[str]], *, show_values: bool = False
) -> Document:
    """Return what ``proposal`` says, and the columns ``near`` its parts. Values are masked unless ``show_values``."""
    table = proposal.table
    about = "" if table.is_counted else "about "
    count = "" if table.row_count is None else f", {about}{plural(table.row_count, 'row')}"
    pairs: list[tuple[str, object]] = [("table", f"{table.label}{count}"), ("confidence", proposal.confidence)]
    pairs += [("because", reason) for reason in proposal.reasons]
    for part, columns in near.items():
        numbered = " · ".join(f"{number} {column}" for number, column in enumerate(columns, 1))
        pairs += [(f"or {part}=", numbered)] if columns else []
    pairs += [(state, ", ".join(words)) for state, words in proposal.states.items()]
    blocks: list[Block] = [Facts(tuple(pairs))]
    blocks += [Paragraph(note, "warning") for note in proposal.remarks]
    if rows is not None:
        readable = [proposal.kind.status] if proposal.states else []
        shown = rows if show_values else masked(rows, readable)
        blocks.append(Listing(shown, "Five rows, masked" if not show_values else "Five rows", limit=None))
    title = f"{proposal.kind.name}: {proposal.kind.about}"
    return Document(title, tuple(blocks))


RANKED = 5
"""Candidates that are shown, of all that there are, so that they stand above the question."""


def ranking_document(name: str, proposals: Sequence[Proposal]) -> Document:
    """The first candidates for the entity ``name`` with their points, and what these are for."""
    rows = [
        (number, proposal.table.label, round(proposal.score), "; ".join(proposal.reasons))
        for number, proposal in enumerate(proposals[:RANKED], 1)
    ]
    names = ("no.", "table", "points", "because")
    table = Table(
        tuple(map(Column, names, ("BIGINT", "VARCHAR", "BIGINT", "VARCHAR"))), rows, title=f"{name}: candidates"
    )
    more = f"{len(proposals) - RANKED} more" if len(proposals) > RANKED else ""
    return Document(f"{name}: which table it could be", (Listing(table, limit=0, more=more),))


def masked(table: Table, readable: Sequence[str] = ()) -> Table:
    """``table`` with no value that names somebody: times, numbers, flags and the columns ``kept`` stay."""
    names = [column.name for column in table.columns]
    rows = [
        tuple(value if name in readable else _mask(name, value) for name, value in zip(names, row, strict=True))
        for row in table.rows
    ]
    columns = tuple(column if column.type != "JSON" else Column(column.name) for column in table.columns)
    columns = tuple(Column(column.name) if column.name.endswith("_id") else column for column in columns)
    return replace(table, columns=columns, rows=rows)


def _mask(name: str, value: object) -> Any:  # noqa: ANN401
    if value is None or isinstance(value, bool | datetime):
        return value
    text = str(value)
    if name.endswith("_id"):
        return text if len(text) < 4 else f"{text[:3]}…"
    if isinstance(value, int | float):
        return value
    if "@" in text:
        user, _, domain = text.rpartition("@")
        return f"{user[:1]}…@{domain[:1]}…"
    return f"{len(text)} characters"
