"""Asks for the domains of your own people at the terminal, with a proposal."""

import re
from collections.abc import Sequence
from pathlib import Path
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
    """Return the rules for `internal`: as typed, or without a terminal the domain that several admins share."""
    from usertrack.core.table import Table
    from usertrack.mapping.own_domains import company_domain, domains_of_admins

    if runner.settings.names_own_people:
        return []
    question = next(filter(None, (domains_of_admins(each) for each in proposals if each.kind.name == "accounts")), None)
    answer = runner.run([question])[0] if question else None
    domain, admins = next(iter(answer.rows), ("", 0)) if isinstance(answer, Table) else ("", 0)
    if asks:
        return ask_domains(domain or company_domain(_own_email(runner)))
    if admins < 2:  # one admin may be a customer's
        return []
    diagnostics.note(f"`internal: [{domain}]`: {admins} admins have an address there, and are no customers")
    return [str(domain)]


def _own_email(runner: "Runner") -> str:
    """Return the e-mail of whoever has the key for PostHog; '' where it is not told."""
    try:
        return str(runner.call("GET", "/api/users/@me/").get("email") or "")
    except UsertrackError:
        return ""


def write_domains(folder: Path, rules: Sequence[str]) -> None:
    """Add the setting `internal` to the workspace, where it is not set."""
    from usertrack.mapping.files import add_internal
    from usertrack.workspace.folder import FILE_NAME

    if rules:
        add_internal(folder / FILE_NAME, rules)
