"""Which company or team an account belongs to: by a column of its own, by a table of members, or as its owner."""

from collections.abc import Iterator
from dataclasses import dataclass

from usertrack.mapping import rules
from usertrack.mapping.around import Around
from usertrack.mapping.catalog import DatabaseTable, TableColumn
from usertrack.mapping.matching import column_like
from usertrack.mapping.proposal import Organizations, Proposal
from usertrack.mapping.select import first_member, not_deleted
from usertrack.mapping.ways import WayStep

_OWNED = 3.5  # points of an organization that counts without members, by its owner: a `team` has 4, a `project` 1


@dataclass(frozen=True)
class Organization:
    """The table of organizations, the id of an account's one as written, and the alias of the whole row, if joined."""

    table: DatabaseTable
    value: str
    alias: str


def add_organization(proposal: Proposal, around: Around) -> Organization | None:
    """Add the company or team of an account."""
    select = proposal.select
    text = column_like(
        select.table, (*(f"{word} name" for word in rules.weights("organizations")), *_COMPANIES), "text"
    )
    if text and not around.ways.reference(select.table, text):
        select.add("organization", select.of(text))
        return None
    best = max(_memberships(around), key=lambda membership: membership[0], default=None)
    if best is None:
        return None
    _, table, key, steps = best
    slug = column_like(table, ("slug",), "text")
    name = column_like(table, (*rules.patterns("name"), "title"), "text") or slug
    value, first, link = select.of(steps[0].column), steps[0], ""
    if first.back:
        needed = [
            column.sql for column in ((key, name, slug) if first.target is table else (steps[1].column,)) if column
        ]
        onward = None if first.target is table else steps[1]
        link = select.join_first(first.target, first.target_column, value, needed, first_member(first), onward)
        value = f"{link}.{(key if first.target is table else steps[1].column).sql}"
    is_owned = first.target is table and first.back
    is_joined = name or (not first.back and not_deleted(table, ""))
    alias = link if is_owned else select.join(table, key, value, without_deleted=not first.back) if is_joined else ""
    by_key = f"{alias}.{key.sql}" if alias else value
    spellings = {column: f"{alias}.{column.sql}" for column in (name, slug) if column} | {key: f"{by_key}::text"}
    proposal.organizations = Organizations(table, spellings)
    select.add("organization", next(iter(spellings.values())))
    if name or slug:
        select.add("organization_id", by_key)
    proposal.notes.append(
        f"the organization is {table.label}{'' if len(steps) == 1 else f', by {steps[0].target.label}'}"
    )
    return Organization(table, value, "" if is_owned else alias)


_COMPANIES = ("company", "organization", "organisation", "company name")


def _memberships(around: Around) -> Iterator[tuple[float, DatabaseTable, TableColumn, list[WayStep]]]:
    """Ways from an account to an organization: its own column, or a table of members."""
    own = around.select.table
    for column in own.columns:
        known = around.ways.reference(own, column)
        if known and known[0] is not own and (points := _organization_points(known[0])):
            # 3: a column of the account goes before a table of members, as Laravel's current team does
            yield points + 3, *known, [WayStep(own, column, *known)]
    for table, on, _ in around.references:
        key, points = table.key, _organization_points(table)
        if points >= _OWNED and key and not rules.words("other_hands") & set(on.words):
            # -2: an owner alone tells less than members
            yield points - 2, table, key, [WayStep(own, around.key, table, on, back=True)]
    for link, on, _ in around.references:
        if (
            rules.words("not_membership") & set(link.words)
            or rules.words("other_hands") & set(on.words)
            or "by" in on.words
        ):
            continue
        for column in link.columns:
            known = around.ways.reference(link, column)
            if known and known[0] not in (own, link) and (points := _organization_points(known[0])):
                is_pair = tuple(sorted((on.name, column.name))) in link.unique
                if is_pair or rules.words("membership") & set(link.words):
                    # further words say that it links something else: two of them cost more than the 1 of a pair
                    points -= sum(0.8 for word in set(link.words) - rules.words("membership") - set(known[0].words))
                    back = WayStep(own, around.key, link, on, back=True)
                    yield points + 2 + is_pair, *known, [back, WayStep(link, column, *known)]


def _organization_points(table: DatabaseTable) -> float:
    if not table.words or set(table.words) & (rules.words("no_candidates") | rules.words("not_organizations")):
        return 0
    if {"username", "password"} & {word for column in table.columns for word in column.words}:
        return 0  # a person
    points = rules.weights("organizations").get(table.words[-1], 0)
    # 0.5: of two names with the same last word the shorter one
    return max(points - 0.5 * (len(table.words) - 1), 0)
