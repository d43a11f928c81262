"""Finds what PostHog's groups call an organization: its id, slug or name, whichever most of them are."""

from collections.abc import Sequence

from usertrack.core.source_names import POSTGRES
from usertrack.library.library import Statement
from usertrack.mapping.catalog import TableColumn
from usertrack.mapping.proposal import Organizations, Proposal

_MOST = 10_000  # groups that are compared, the most frequent first


def groups_asked(organization: str) -> Statement:
    """The groups that events name; ``organization`` is the HogQL of the one of an event."""
    sql = (
        f"SELECT toString({organization}) AS name FROM events WHERE isNotNull(name) AND name != '' "
        f"GROUP BY name ORDER BY count() DESC LIMIT {_MOST}"
    )
    return Statement("posthog", sql, name="groups", limit=_MOST)


def spellings_asked(organizations: Organizations, groups: Sequence[str]) -> Statement:
    """By each spelling, how many of ``groups`` it is, and how many organizations share theirs with another one."""
    counts = ", ".join(
        f"count(DISTINCT {text}) FILTER (WHERE {text} = ANY({{groups}}::text[])) AS matched_{number}, "
        f"count({text}) - count(DISTINCT {text}) AS shared_{number}"
        for number, text in enumerate(f"o.{column.sql}::text" for column in organizations.spellings)
    )
    return Statement(
        POSTGRES,
        f"SELECT {counts} FROM {organizations.table.sql} AS o",
        {"groups": list(groups)},
        {"groups": "list"},
        name=f"names of {organizations.table.label}",
        limit=1,
    )


def spell_organizations(proposal: Proposal, groups: Sequence[str], counts: Sequence[int]) -> list[str]:
    """Spell the organization of ``proposal`` as most of ``groups`` do; returns what somebody should know about it.

    ``counts`` is the row that `spellings_asked` answers. Where no group matches, the spelling stays.
    """
    known = proposal.organizations
    assert known
    matched = dict(zip(known.spellings, counts[::2], strict=True))
    shared = dict(zip(known.spellings, counts[1::2], strict=True))
    taken = _taken(proposal)
    best = max(matched, key=lambda column: (matched[column], column == taken))
    if groups and not matched[best]:
        names = ", ".join(column.name for column in known.spellings)
        return [
            f"no group of PostHog is an organization of {known.table.label} by {names}: "
            "`--by organization` would match nothing"
        ]
    if groups and best != taken:
        proposal.select.replace("organization", known.spellings[best])
    column = best if groups else taken
    notes = [f"organizations are called by {best.name}, as PostHog's groups are"] if groups and best != taken else []
    if column and shared[column]:
        notes.append(
            f"{shared[column]} of {known.table.label} share their {column.name} with another: they count as one"
        )
    return notes


def _taken(proposal: Proposal) -> TableColumn | None:
    """The column by which ``proposal`` spells an organization now."""
    assert proposal.organizations
    sql = dict(proposal.select.columns).get("organization")
    return next((column for column, text in proposal.organizations.spellings.items() if text == sql), None)
