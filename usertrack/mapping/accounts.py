"""Which table holds the accounts, and where their e-mail, sign-up, plan and company are."""

from collections.abc import Iterator
from math import log2

from usertrack.library.entities import ACCOUNTS
from usertrack.mapping import rules
from usertrack.mapping.catalog import Catalog, Column, Relation
from usertrack.mapping.matching import column_like, prefixes
from usertrack.mapping.proposal import Proposal, ranked
from usertrack.mapping.select import Select, as_time, first_member
from usertrack.mapping.ways import Step, Ways

_TIMES = ("time", "number")
_OWNED = 3.5  # points of an organization that counts without members, by its owner


def account_proposals(catalog: Catalog) -> list[Proposal]:
    """What accounts could be, best first."""
    return ranked(_candidates(catalog), sure=22, least=12)


def nearest_account(catalog: Catalog) -> Proposal | None:
    """The table that looks most like accounts, where something is missing from all of them."""
    return max(_candidates(catalog), key=lambda each: each.score, default=None)


def _candidates(catalog: Catalog) -> list[Proposal]:
    neutral = rules.NEUTRAL | prefixes(catalog)
    counts = _reference_counts(catalog)
    proposals = []
    for table in catalog.tables.values():
        points, reasons = _points(table, neutral)
        if (
            points <= 0
            or not table.key
            or table.name.lower() in rules.SYSTEM_TABLES
            or table.schema in rules.SYSTEM_SCHEMAS
        ):
            continue
        referring = counts.get(table.id, 0)
        if referring:
            points += min(5.0, log2(1 + referring))
            reasons.append(f"{referring} {'table refers' if referring == 1 else 'tables refer'} to it")
        proposals.append(account_proposal(catalog, table, points, reasons))
    _prefer_parents(proposals)
    return proposals


def account_proposal(
    catalog: Catalog, table: Relation, points: float = 0, reasons: list[str] | None = None
) -> Proposal:
    """``table`` read as accounts, with whatever other tables say about them."""
    ways = Ways(catalog, table)
    select = Select(table)
    proposal = Proposal(ACCOUNTS, select, points, list(reasons or ()))
    key = table.key
    if key is None:
        return proposal
    select.add("account_id", select.of(key))
    around = _Around(catalog, ways, select, key)
    _add_email(proposal, around)
    _add_column(proposal, around, "signed_up_at", rules.SIGNED_UP, *_TIMES, points=3)
    _add_name(proposal, around)
    _add_column(proposal, around, "last_active_at", rules.LAST_ACTIVE, *_TIMES, points=1)
    _add_column(proposal, around, "credits", rules.CREDITS, "number")
    organization = _add_organization(proposal, around)
    _add_subscription(proposal, around, organization)
    if table.hides_rows:
        proposal.notes.append(f"row security of {table.label} may hide rows from this role: they are not counted")
    return proposal


class _Around:
    """The tables that have exactly one row for an account, such as profiles: they are joined when first needed."""

    def __init__(self, catalog: Catalog, ways: Ways, select: Select, key: Column) -> None:
        self.catalog, self.ways, self.select, self.key = catalog, ways, select, key
        self.references = [each for each in ways.references_to(select.table) if each[2] == key]
        self._aliases: dict[int, str] = {}

    def find(self, patterns: tuple[str, ...], *families: str) -> tuple[Column, str] | None:
        """The best column for ``patterns``, and how it is written: of the table itself, else of a profile."""
        if column := column_like(self.select.table, patterns, *families):
            return column, self.select.of(column)
        for table, on, _ in self.references:
            is_profile = on.unique and not set(table.words) & (rules.NO_CANDIDATES | rules.SUBSCRIPTIONS)
            if is_profile and (column := column_like(table, patterns, *families)):
                return column, f"{self._alias(table, on)}.{column.sql}"
        return None

    def _alias(self, table: Relation, on: Column) -> str:
        if table.id not in self._aliases:
            self._aliases[table.id] = self.select.join(table, on, self.select.of(self.key))
        return self._aliases[table.id]


def _points(table: Relation, neutral: frozenset[str]) -> tuple[float, list[str]]:
    """How much ``table`` looks as if it had a row per person who signs in."""
    named = [word for word in table.words if word not in ("entity", "table", "record", "data")]
    head = named[-1] if named else ""
    if head not in rules.PEOPLE or set(table.words) & rules.NO_CANDIDATES:
        return 0, []
    points, reasons = float(rules.PEOPLE[head]), [f"its name says {head}"]
    points -= sum(2 for word in named[:-1] if word not in neutral and word not in rules.PEOPLE)
    points -= sum(5 for word in named if word in rules.NOT_PEOPLE)
    signs = {word for column in table.columns for word in column.words} & rules.SIGNS_IN
    points += min(4, len(signs))
    if table.row_count:
        points += 1
    return points, reasons


def _prefer_parents(proposals: list[Proposal]) -> None:
    """A table whose rows belong to those of another candidate, such as a user's OAuth accounts, is not the accounts."""
    tables = {each.table.id: each for each in proposals if not each.missing}
    for each in proposals:
        for column in each.table.columns:
            if column.references and column.references[0] in tables and column.references[0] != each.table.id:
                other = tables[column.references[0]]
                if column.required and other.score > each.score - 6:
                    each.score -= 6
                    break


def _reference_counts(catalog: Catalog) -> dict[int, int]:
    counts: dict[int, int] = {}
    for table in catalog.tables.values():
        for target in {column.references[0] for column in table.columns if column.references}:
            counts[target] = counts.get(target, 0) + (target != table.id)
    if not any(counts.values()):  # no foreign keys: names such as user_id stand in
        named = {table.words: table.id for table in catalog.tables.values()}
        for table in catalog.tables.values():
            for target in {named[column.words[:-1]] for column in table.columns if column.words[:-1] in named}:
                counts[target] = counts.get(target, 0) + (target != table.id)
    return counts


def _add_email(proposal: Proposal, around: _Around) -> None:
    select = proposal.select
    if column := column_like(select.table, rules.EMAIL, "text"):
        select.add("email", select.of(column))
        proposal.score += 8 + 3 * column.unique + column.required
        proposal.reasons.append(f"{column.name} is {'unique' if column.unique else 'its e-mail'}")
        return
    for table, on, _ in sorted(around.references, key=lambda each: "email" not in each[0].words):
        sides = _side_email(table)
        if sides and not set(table.words) & (rules.NO_CANDIDATES - {"verification"} | {"invitation", "invite"}):
            column, order = sides
            value = select.of(around.key)
            alias = (
                select.join(table, on, value) if on.unique else select.join_first(table, on, value, [column.sql], order)
            )
            select.add("email", f"{alias}.{column.sql}")
            proposal.score += 6
            which = "" if on.unique else ": the primary one, else a verified one, else the oldest"
            proposal.reasons.append(f"the e-mail is {table.label}.{column.name}{which}")
            return


def _side_email(table: Relation) -> tuple[Column, list[str]] | None:
    """The e-mail in a table of addresses, and which row goes first."""
    column = column_like(table, rules.EMAIL, "text")
    by_channel = column_like(table, ("via", "channel", "type", "kind"), "text")
    if (column is None and "address" in table.words and by_channel) or (column is None and "email" in table.words):
        column = column_like(table, ("value", "address"), "text")
    if column is None:
        return None
    order = []
    if column.words[-1:] == ("value",) and by_channel:
        order.append(f"{{t}}.{by_channel.sql} = 'email' DESC")
    for patterns in (rules.PRIMARY_EMAIL, rules.VERIFIED_EMAIL):
        if flag := column_like(table, patterns, "bool"):
            order.append(f"{{t}}.{flag.sql} DESC NULLS LAST")
        elif time := column_like(table, patterns, "time"):
            order.append(f"{{t}}.{time.sql} NULLS LAST")
    made = column_like(table, rules.SIGNED_UP) or table.key
    return column, [*order, *([f"{{t}}.{made.sql}"] if made else [])]


def _add_column(
    proposal: Proposal, around: _Around, name: str, patterns: tuple[str, ...], *families: str, points: float = 0
) -> None:
    if known := around.find(patterns, *families):
        column, value = known
        proposal.select.add(name, as_time(column, value) if "time" in families else value)
        proposal.score += points
        if name == "signed_up_at":
            proposal.reasons.append(f"{column.name} is when it was made")


def _add_name(proposal: Proposal, around: _Around) -> None:
    names = around.find(rules.NAME[:4], "text")
    first, last = around.find(rules.FIRST_NAME, "text"), around.find(rules.LAST_NAME, "text")
    if first and last and not names:
        proposal.select.add("name", f"concat_ws(' ', {first[1]}, {last[1]})")
    elif names := names or around.find(rules.NAME, "text"):
        proposal.select.add("name", names[1])


def _add_organization(proposal: Proposal, around: _Around) -> tuple[Relation, str] | None:
    """Add the company or team of an account; returns its table and its id, as written."""
    select = proposal.select
    text = column_like(select.table, (*(f"{word} name" for word in rules.ORGANIZATIONS), *_COMPANIES), "text")
    if text and not around.ways.reference(select.table, text):
        select.add("organization", select.of(text))
        return None
    best = max(_memberships(around), key=lambda each: each[0], default=None)
    if best is None:
        return None
    _, table, key, steps = best
    name = column_like(table, (*rules.NAME, "title", "slug"), "text")
    value, first = select.of(steps[0].column), steps[0]
    if first.back:
        needed = [each.sql for each in ((key, name) if first.target is table else (steps[1].column,)) if each]
        link = select.join_first(first.target, first.target_column, value, needed, first_member(first))
        value = f"{link}.{(key if first.target is table else steps[1].column).sql}"
    if first.target is table and first.back:
        select.add("organization", f"{link}.{name.sql}" if name else f"{value}::text")
    else:
        select.add("organization", f"{select.join(table, key, value)}.{name.sql}" if name else f"{value}::text")
    proposal.notes.append(
        f"the organization is {table.label}{'' if len(steps) == 1 else f', by {steps[0].target.label}'}"
    )
    return table, value


_COMPANIES = ("company", "organization", "organisation", "company name")


def _memberships(around: _Around) -> Iterator[tuple[float, Relation, Column, list[Step]]]:
    """Ways from an account to an organization: its own column, or a table of members."""
    own = around.select.table
    for column in own.columns:
        known = around.ways.reference(own, column)
        if known and known[0] is not own and (points := _organization_points(known[0])):
            yield points + 3, *known, [Step(own, column, *known)]
    for table, on, _ in around.references:
        key, points = table.key, _organization_points(table)
        if points >= _OWNED and key and not rules.OTHER_HANDS & set(on.words):
            yield points - 2, table, key, [Step(own, around.key, table, on, back=True)]
    for link, on, _ in around.references:
        if rules.NOT_MEMBERSHIP & set(link.words) or rules.OTHER_HANDS & set(on.words) or "by" in on.words:
            continue
        for column in link.columns:
            known = around.ways.reference(link, column)
            if known and known[0] not in (own, link) and (points := _organization_points(known[0])):
                is_pair = tuple(sorted((on.name, column.name))) in link.unique
                if is_pair or rules.MEMBERSHIP & set(link.words):
                    points -= sum(0.8 for word in set(link.words) - rules.MEMBERSHIP - set(known[0].words))
                    back = Step(own, around.key, link, on, back=True)
                    yield points + 2 + is_pair, *known, [back, Step(link, column, *known)]


def _organization_points(table: Relation) -> float:
    if not table.words or set(table.words) & (rules.NO_CANDIDATES | rules.NOT_ORGANIZATIONS):
        return 0
    points = rules.ORGANIZATIONS.get(table.words[-1], 0)
    return max(points - 0.5 * (len(table.words) - 1), 0)


def _add_subscription(proposal: Proposal, around: _Around, organization: tuple[Relation, str] | None) -> None:
    """Add who pays, and how much: of a column of the account, else of a table of subscriptions."""
    select = proposal.select
    if known := around.find(rules.SUBSCRIPTION_STATUS, "text"):
        select.add("subscription_status", known[1])
        proposal.status = known[0]
    if revenue := around.find(rules.REVENUE, "number"):
        select.add("revenue", _money(*revenue))
    if not known:
        _add_subscriptions(proposal, around, organization)
    if proposal.status:
        proposal.states = {"active": tuple(w for w in proposal.status.labels if w.lower() == "active") or ("active",)}


def _add_subscriptions(proposal: Proposal, around: _Around, organization: tuple[Relation, str] | None) -> None:
    select = proposal.select
    own = select.of(around.key)
    owners = [(table, on, own) for table, on, _ in around.references]
    if organization:
        group, value = organization
        owners += [(table, on, value) for table, on, column in around.ways.references_to(group) if column == group.key]
    for table, on, value in owners:
        status = column_like(table, rules.STATUS, "text")
        if (
            table.words[-1:] != ("subscription",)
            or not status
            or table.is_view
            or (value != own and _is_of_customers(table))
        ):
            continue
        price = column_like(table, rules.PRICE, "number")
        interval = column_like(table, rules.INTERVAL, "text")
        made = column_like(table, rules.SIGNED_UP)
        order = [f"({_is_active('{t}', status)}) DESC", *([f"{{t}}.{made.sql} DESC"] if made else [])]
        needed = [column.sql for column in (status, price, interval) if column]
        alias = select.join(table, on, value) if on.unique else select.join_first(table, on, value, needed, order)
        select.add("subscription_status", f"{alias}.{status.sql}")
        if price and not any(name == "revenue" for name, _ in select.columns):
            is_stripes = any({"stripe", "currency"} & set(column.words) for column in table.columns)
            select.add("revenue", _monthly(alias, status, price, interval, is_stripes=is_stripes))
            if "/ 100" in select.columns[-1][1]:
                proposal.notes.append(f"{table.label}.{price.name} is taken as cents")
        proposal.status = status
        proposal.notes.append(f"who pays is in {table.label}: the active subscription, else the latest")
        return


def _monthly(alias: str, status: Column, price: Column, interval: Column | None, *, is_stripes: bool) -> str:
    """What an active subscription costs in a month; nothing for any other."""
    amount = _money(price, f"{alias}.{price.sql}", is_stripes=is_stripes)
    cases = [f"WHEN ({_is_active(alias, status)}) IS NOT TRUE THEN NULL"]
    if interval:
        yearly = ", ".join(f"'{word}'" for word in sorted(rules.YEAR))
        cases.append(f"WHEN lower({alias}.{interval.sql}::text) IN ({yearly}) THEN {amount} / 12")
    return "\n        ".join(["CASE", *cases, f"ELSE {amount}"]) + "\n    END"


def _is_active(alias: str, status: Column) -> str:
    return f"lower({alias}.{status.sql}::text) = 'active'"


def _is_of_customers(table: Relation) -> bool:
    """Whether the subscriptions are those that an organization's own customers have with it."""
    return any(
        {"customer", "client", "contact"} & set(column.words[:-1]) and "stripe" not in column.words
        for column in table.columns
    )


def _money(column: Column, value: str, *, is_stripes: bool = False) -> str:
    """An amount in whole money: cents are divided, as are the whole numbers of a table that is like Stripe's."""
    is_cents = rules.CENT & set(column.words) or (
        column.type in ("integer", "bigint") and (is_stripes or "unit" in column.words)
    )
    return f"{value} / 100.0" if is_cents else value
