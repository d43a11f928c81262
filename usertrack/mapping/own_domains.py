"""Proposes which domain is the company's own: that of its admins, or of the person who logs in."""

import re
from copy import deepcopy

from usertrack.core.emails import email_in, email_in_postgres
from usertrack.library.library import Statement
from usertrack.mapping.proposal import Proposal

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


def domains_of_admins(accounts: Proposal) -> Statement | None:
    """Return the question for the domain that most admins share; None where nothing tells who is one."""
    select, email = deepcopy(accounts.select), dict(accounts.select.columns).get("email")
    for column in accounts.table.columns:
        if column.family == "bool" and not _FLAGS.isdisjoint(column.words):
            condition = f"{select.of(column)}"
        elif column.family == "text" and "role" in column.words:
            condition = f"{select.of(column)}::text ~* '{_IS_ADMIN}'"
        else:
            continue
        if email:
            select.columns = [("domain", f"split_part({email_in_postgres(f'({email})')}, '@', 2)")]
            select.conditions.append(condition)
            sql = (
                f"SELECT domain, count(*) AS admins FROM (\n{select.text()}\n) AS own "
                "WHERE domain !~ {free} GROUP BY domain ORDER BY count(*) DESC, domain"
            )
            return Statement(
                "neon", sql, {"free": f"^({_FREE_MAIL.pattern})$"}, {"free": "text"}, name="own domains", limit=1
            )
    return None
