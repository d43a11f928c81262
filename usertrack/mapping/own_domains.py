"""Proposes which domain is the company's own: that of its admins, of most accounts, or of the person who logs in."""

import re
from collections.abc import Sequence
from copy import deepcopy

from usertrack.core.emails import email_in, email_in_postgres
from usertrack.core.source_names import POSTGRES
from usertrack.core.table import Row
from usertrack.library.library import Statement
from usertrack.mapping.catalog import TableColumn
from usertrack.mapping.proposal import Proposal
from usertrack.mapping.select import Select

# the large providers, where anybody can have an address; a proposal is confirmed by somebody, so more are not needed
_FREE_MAIL = re.compile(
    "(gmail|googlemail|outlook|hotmail|live|msn|yahoo|ymail|rocketmail|icloud|me|mac|aol|proton|protonmail|pm|gmx|web|"
    "t-online|mail|inbox|yandex|qq|163|126|naver|daum|zoho|fastmail|hey|tutanota|orange|free|libero|wp|seznam)"
    "[.](com|net|org|de|fr|it|ru|me|pl|cz|uk|in|br|jp|es|co[.][a-z]+|com[.][a-z]+)|localhost"
)
_FLAGS = {"admin", "administrator", "staff", "superuser", "superadmin"}
_IS_ADMIN = "(admin|staff|superuser)"  # not `owner`: customers own their workspaces


def company_domain(email: str) -> str:
    """Return the domain of ``email``; '' for none, and for one at which anybody can have an address."""
    domain = email_in(email).rpartition("@")[2]
    return "" if _FREE_MAIL.fullmatch(domain) else domain


def domains_asked(accounts: Proposal) -> tuple[Statement, bool]:
    """Return the question for the two domains that most admins share, or most accounts where nothing tells who is one.

    And whether it is about admins.
    """
    select, email = deepcopy(accounts.select), dict(accounts.select.columns)["email"]
    conditions = [condition for column in accounts.table.columns if (condition := _is_admin(column, select))]
    select.columns = [("domain", f"split_part({email_in_postgres(f'({email})')}, '@', 2)")]
    select.conditions += conditions[:1]
    sql = (
        f"SELECT domain, count(*) AS accounts FROM (\n{select.text()}\n) AS own "
        "WHERE domain !~ {free} GROUP BY domain ORDER BY count(*) DESC, domain"
    )
    free = {"free": f"^({_FREE_MAIL.pattern})$"}
    return Statement(POSTGRES, sql, free, {"free": "text"}, name="own domains", limit=2), bool(conditions)


def _is_admin(column: TableColumn, select: Select) -> str:
    if column.family == "bool" and not _FLAGS.isdisjoint(column.words):
        return select.of(column)
    return f"{select.of(column)}::text ~* '{_IS_ADMIN}'" if column.family == "text" and "role" in column.words else ""


def clearly_first(rows: Sequence[Row]) -> tuple[str, int]:
    """Return the first domain and its count, where that is twice the second at least, and two; else ('', 0)."""
    counts = [*(count for _, count in rows), 0, 0]
    return rows[0] if counts[0] >= max(2, 2 * counts[1]) else ("", 0)
