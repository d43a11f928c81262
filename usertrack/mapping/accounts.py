"""Which table holds the accounts, and where their e-mail, sign-up, plan and company are."""

from collections.abc import Sequence
from math import log2

from usertrack.core.source_names import TABLES
from usertrack.library.entities import ACCOUNTS
from usertrack.mapping import rules
from usertrack.mapping.around import Around
from usertrack.mapping.catalog import Catalog, DatabaseTable, TableColumn
from usertrack.mapping.matching import column_like, prefixes, reference_counts, time_like
from usertrack.mapping.organizations import add_organization
from usertrack.mapping.paying import add_subscription
from usertrack.mapping.proposal import Labels, Proposal, ranked
from usertrack.mapping.select import Select, as_time, deleted
from usertrack.mapping.ways import Ways

_TIMES = ("time", "number")
NO_ACCOUNTS = DatabaseTable(0, "", "accounts", "accounts", (TableColumn("id", "id", "bigint"),))
"""The table of accounts where none is known: no foreign key leads to it, as no table has the id 0."""


def account_proposals(catalog: Catalog, labels: Labels | None = None) -> list[Proposal]:
    """Return proposals for accounts, best first; ``labels`` are words of small columns that were read.

    Where nothing has an e-mail, they are tables without one.
    """
    candidates = _candidates(catalog, labels)
    # the right tables of the schemas in tests/mapping have 22 to 33 points, and 17 where they have no e-mail
    if with_email := ranked(candidates, sure=22, least=12):
        return with_email
    without = ranked(candidates, sure=22, least=10, without=["email"])  # 10: it is called users
    for proposal in without:
        proposal.lacking["email"] = "no e-mail was found: people are told apart by account_id, as PostHog's ids must be"
    return without


def nearest_account(catalog: Catalog) -> Proposal | None:
    """The table that looks most like accounts, where something is missing from all of them."""
    return max(_candidates(catalog), key=lambda proposal: proposal.score, default=None)


def without_one_key(catalog: Catalog) -> str:
    """Name the table that looks most like accounts and has a key of several columns; "" where there is none."""
    neutral = rules.words("neutral") | prefixes(catalog)
    tables = [
        table for table in catalog.tables.values() if table.unique and not table.key and _points(table, neutral)[0]
    ]
    if not tables:
        return ""
    table = max(tables, key=lambda table: _points(table, neutral)[0])
    key = min(table.unique, key=len)
    columns = [table.by_name[name].sql for name in key]
    return (
        f"{table.label} has a key of several columns ({', '.join(key)}), and an account needs one: in {TABLES}/, "
        f"write `concat_ws(':', {', '.join(columns)}) AS account_id` wherever accounts are named"
    )


def _candidates(catalog: Catalog, labels: Labels | None = None) -> list[Proposal]:
    neutral = rules.words("neutral") | prefixes(catalog)
    counts = reference_counts(catalog)
    proposals = []
    for table in catalog.tables.values():
        points, reasons = _points(table, neutral)
        is_system = table.name.lower() in rules.words("system_tables") or table.schema in rules.words("system_schemas")
        if points <= 0 or not table.key or is_system:
            continue
        referring = counts.get(table.id, 0)
        if referring:
            points += min(5.0, log2(1 + referring))  # 31 tables: from there on everything belongs to somebody
            reasons.append(f"{referring} {'table refers' if referring == 1 else 'tables refer'} to it")
        proposals.append(account_proposal(catalog, table, points, reasons, labels))
    _prefer_parents(proposals)
    return proposals


def account_proposal(
    catalog: Catalog,
    table: DatabaseTable,
    points: float = 0,
    reasons: Sequence[str] = (),
    labels: Labels | None = None,
) -> Proposal:
    """``table`` read as accounts, with whatever other tables say about them."""
    select = Select(table, with_deleted=True)
    proposal = Proposal(ACCOUNTS, select, points, list(reasons))
    key = table.key
    if key is None:
        return proposal
    select.add("account_id", select.of(key))
    around = Around(Ways(catalog, table), select, key)
    _add_email(proposal, around)
    _add_signed_up(proposal, around)
    _add_name(proposal, around)
    _add_column(proposal, around, "last_active_at", rules.patterns("last_active"), *_TIMES, points=1)
    _add_column(proposal, around, "converted_at", rules.patterns("converted_at"), *_TIMES)
    _add_column(proposal, around, "churned", rules.patterns("churned"), "bool")
    _add_column(proposal, around, "churned_at", rules.patterns("churned_at"), *_TIMES)
    _add_column(proposal, around, "credits", rules.patterns("credits"), "number")
    organization = add_organization(proposal, around)
    add_subscription(proposal, around, organization, labels or {})
    if mark := deleted(table, select.alias):
        select.add("deleted", mark)
    if nobody := column_like(table, rules.patterns("nobody"), "bool"):
        select.conditions.append(f"{select.of(nobody)} IS NOT TRUE")
    if table.hides_rows:
        proposal.notes.append(f"row security of {table.label} may hide rows from this role: they are not counted")
    return proposal


def _points(table: DatabaseTable, neutral: frozenset[str]) -> tuple[float, list[str]]:
    """Return points for how much ``table`` looks as if it had a row per person who signs in, with reasons."""
    named = [word for word in table.words if word not in ("entity", "table", "record", "data")]
    head = named[-1] if named else ""
    if head not in rules.weights("people") or set(table.words) & rules.words("no_candidates"):
        return 0, []
    points, reasons = float(rules.weights("people")[head]), [f"its name says {head}"]
    points -= sum(2 for word in named[:-1] if word not in neutral and word not in rules.weights("people"))
    points -= sum(5 for word in named if word in rules.words("not_people"))  # half of what `users` has
    signs = {word for column in table.columns for word in column.words} & rules.words("signs_in")
    return points + min(4, len(signs)), reasons  # 4: a wide table of contacts has some of these words, too


def _prefer_parents(proposals: list[Proposal]) -> None:
    """A table whose rows belong to those of another candidate, such as a user's OAuth accounts, is not the accounts."""
    tables = {proposal.table.id: proposal for proposal in proposals if not proposal.missing}
    for proposal in proposals:
        for column in proposal.table.columns:
            if column.references and column.references[0] in tables and column.references[0] != proposal.table.id:
                other = tables[column.references[0]]
                if column.required and other.score > proposal.score - 6:  # 6: an e-mail of its own is worth more
                    proposal.score -= 6
                    break


def _add_email(proposal: Proposal, around: Around) -> None:
    select = proposal.select
    if column := _email(select.table):
        select.add("email", select.of(column))
        proposal.score += 8 + 3 * column.unique + column.required  # with its name, `users`, enough to be proposed
        proposal.reasons.append(f"{column.name} is {'unique' if column.unique else 'its e-mail'}")
        return
    for table, on, _ in sorted(around.references, key=lambda reference: "email" not in reference[0].words):
        column = _side_email(table)
        if column and not set(table.words) & (
            rules.words("no_candidates") - {"verification"} | {"invitation", "invite"}
        ):
            select.add("email", beside(select, "email", table, on, select.of(around.key), column))
            proposal.score += 6  # less than one of its own: an address book has e-mails beside, too
            which = "" if on.unique else ": the primary one, else a verified one, else the oldest"
            proposal.reasons.append(f"the e-mail is {table.label}.{column.name}{which}")
            return


def beside(select: Select, name: str, table: DatabaseTable, on: TableColumn, value: str, column: TableColumn) -> str:
    """Join the first row of ``table`` whose ``on`` equals ``value``; returns its ``column``, which is to be ``name``.

    Where that is the e-mail, all of them are added as `emails`.
    """
    if on.unique:
        return f"{select.join(table, on, value)}.{column.sql}"
    columns, condition, order = [column.sql], "", _first_address(table)
    if name == "email":
        # a window sees all rows, of which DISTINCT ON keeps the first
        columns.append(f"string_agg({{t}}.{column.sql}, ' ') OVER (PARTITION BY {{t}}.{on.sql}) AS emails")
        is_of_any_kind = column_like(table, rules.patterns("channel")) and "email" not in column.words
        condition = f"{{t}}.{column.sql} LIKE '%@%'" if is_of_any_kind else ""
    alias = select.join_first(table, on, value, columns, order, condition=condition)
    if name == "email":
        select.add("emails", f"{alias}.emails")
    return f"{alias}.{column.sql}"


def _email(table: DatabaseTable) -> TableColumn | None:
    """Return the column with e-mails: one of a known name, else the first that is about them by a word of its name."""
    named = (
        column
        for column in table.columns
        if column.family == "text"
        and {"email", "mail"} & set(column.words)
        and not rules.words("not_email") & set(column.words)
    )
    return column_like(table, rules.patterns("email"), "text") or next(named, None)


def _side_email(table: DatabaseTable) -> TableColumn | None:
    """Return the column with e-mails of a table of addresses."""
    column = _email(table)
    if column is None and (column_like(table, rules.patterns("channel")) or "email" in table.words):
        column = column_like(table, ("value", "address", "contact", "identifier"), "text")
    return column


def _first_address(table: DatabaseTable) -> list[str]:
    """Return the order in which an address goes before others: the primary one, a verified one, the oldest."""
    order = []
    for patterns in (rules.patterns("primary_email"), rules.patterns("verified_email")):
        if flag := column_like(table, patterns, "bool"):
            order.append(f"{{t}}.{flag.sql} DESC NULLS LAST")
        elif time := column_like(table, patterns, "time"):
            order.append(f"{{t}}.{time.sql} NULLS LAST")
    made = column_like(table, rules.patterns("signed_up"))
    return [*order, *(f"{{t}}.{known.sql}" for known in (made, table.key) if known)]


def _add_signed_up(proposal: Proposal, around: Around) -> None:
    """Add the time of sign-up. Where there is none it stays unknown, and a note names what comes near."""
    select = proposal.select
    known = around.find(rules.patterns("signed_up"), *_TIMES)
    if not known and (named := time_like(select.table, (), rules.words("made"))):
        known = named, select.of(named)
    if known:
        select.add("signed_up_at", as_time(*known))
        proposal.score += 3
        proposal.reasons.append(f"{known[0].name} is when it was made")
    else:
        near = around.find(rules.patterns("instead_of_signed_up"), "time")
        comes_near = f"; {near[1]} comes near" if near else ""
        text = f"no time of sign-up was found, and who is new or at risk stays unknown{comes_near}"
        proposal.lacking["signed_up_at"] = text


def _add_column(
    proposal: Proposal, around: Around, name: str, patterns: tuple[str, ...], *families: str, points: float = 0
) -> None:
    if known := around.find(patterns, *families):
        column, value = known
        proposal.select.add(name, as_time(column, value) if "time" in families else value)
        proposal.score += points


def _add_name(proposal: Proposal, around: Around) -> None:
    names = around.find(rules.patterns("name")[:4], "text")
    first, last = around.find(rules.patterns("first_name"), "text"), around.find(rules.patterns("last_name"), "text")
    if first and last and not names:
        proposal.select.add("name", f"concat_ws(' ', {first[1]}, {last[1]})")
    elif names := names or around.find(rules.patterns("name"), "text"):
        proposal.select.add("name", names[1])
