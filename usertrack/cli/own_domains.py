"""Asks for the domains of your own people at the terminal, with a proposal."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from usertrack.cli import diagnostics
from usertrack.core.errors import UsageError, UsertrackError

if TYPE_CHECKING:
    from usertrack.engine.runner import Runner
    from usertrack.mapping.proposal import Proposal

_QUESTION = "domains of your own people, who are left out of every answer (a.com, b.com; - for none)"


def ask_domains(proposal: str) -> list[str]:
    """Return the rules that somebody types, asked again until each is a domain or an e-mail."""
    from usertrack.engine.own_people import is_rule, own_rule

    while True:
        items = re.split(r"[,;\s]+", diagnostics.ask(_QUESTION, proposal or "-"))
        rules = [own_rule(item) for item in items if item not in ("", "-")]
        if all(map(is_rule, rules)):
            return rules
        diagnostics.error(UsageError("that is no domain and no e-mail", "write acme.com, or ann@mailbox.com"))


def own_domains(runner: "Runner", proposals: "Sequence[Proposal]", *, asks: bool) -> list[str]:
    """Return the rules for `internal`: as typed, or without a terminal the domain that most admins share."""
    from usertrack.core.table import Table
    from usertrack.mapping.own_domains import clearly_first, company_domain, domains_asked

    if runner.settings.names_own_people:
        return []
    domain, count, of_admins = "", 0, False
    for accounts in (proposal for proposal in proposals if proposal.kind.name == "accounts" and not proposal.missing):
        question, of_admins = domains_asked(accounts)
        answer = runner.run([question])[0]
        domain, count = clearly_first(answer.rows) if isinstance(answer, Table) else ("", 0)
    if domain:
        diagnostics.note(f"{count} {'admins' if of_admins else 'accounts'} have an e-mail at {domain}")
    if asks:
        return ask_domains(domain or company_domain(_own_email(runner)))
    if domain:
        said = "are taken for your own people" if of_admins else "may be your own people"
        diagnostics.note(f"they {said}: `internal: [{domain}]` in usertrack.yaml leaves them out")
    return [domain] if of_admins and domain else []


def _own_email(runner: "Runner") -> str:
    """Return the e-mail of whoever has the key for PostHog; '' where it is not told."""
    try:
        return str(runner.call("GET", "/api/users/@me/").get("email") or "")
    except UsertrackError:
        return ""
