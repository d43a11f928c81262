"""Finds who pays, and how much a month: a column of the account, a table of subscriptions, or the name of a plan."""

from usertrack.mapping import rules
from usertrack.mapping.around import Around
from usertrack.mapping.catalog import DatabaseTable, TableColumn
from usertrack.mapping.matching import column_like
from usertrack.mapping.names import words as split_words
from usertrack.mapping.organizations import Organization
from usertrack.mapping.proposal import Labels, Proposal


def add_subscription(proposal: Proposal, around: Around, organization: Organization | None, labels: Labels) -> None:
    """Add who pays, and how much: of a column of the account, else of a table of subscriptions."""
    select = proposal.select
    if known := around.find_with_table(rules.patterns("subscription_status"), "text"):
        select.add("subscription_status", known[2])
        proposal.status_table, proposal.status = known[:2]
    if revenue := around.find(rules.patterns("revenue"), "number"):
        select.add("revenue", _money(*revenue))
    if not known:
        _add_subscriptions(proposal, around, organization)
    names = {name for name, _ in select.columns}
    if organization and organization.alias and "revenue" not in names:
        _add_price(proposal, organization)
    if proposal.status and proposal.status_table:
        words = proposal.status.labels or labels.get((proposal.status_table.id, proposal.status.name), ())
        proposal.states = {"active": tuple(word for word in words if word.lower() == "active") or ("active",)}
        proposal.notes.append("who pays is active: if a trial or a late payment counts, add its word to `states`")
    else:
        _add_plan(proposal, around, organization, labels)


def _add_plan(proposal: Proposal, around: Around, organization: Organization | None, labels: Labels) -> None:
    """Add who pays by the name of the plan, where its words are known: all but those that cost nothing."""
    plans = [known] if (known := around.find_with_table(rules.patterns("plan"), "text")) else []
    if (
        organization
        and organization.alias
        and (plan := column_like(organization.table, rules.patterns("plan"), "text"))
    ):
        plans.append((organization.table, plan, f"{organization.alias}.{plan.sql}"))
    for table, plan, value in plans:  # that of the account may be what everybody has since plans are the organization's
        words = plan.labels or labels.get((table.id, plan.name), ())
        paid = tuple(word for word in words if not set(split_words(word)) & rules.words("free"))
        if paid and len(paid) < len(words):
            proposal.select.add("subscription_status", value)
            proposal.status_table, proposal.status, proposal.states = table, plan, {"active": paid}
            proposal.has_shared_plan = organization is not None and table is organization.table
            proposal.notes.append(f"who pays is by {table.label}.{plan.name}: all plans but the free ones")
            return
        if not words:
            proposal.unread.append((table, plan))


def _add_price(proposal: Proposal, organization: Organization) -> None:
    """Add what the organization pays in a month, by a column of its own table."""
    table, alias = organization.table, organization.alias
    price = column_like(table, (*rules.patterns("revenue"), *rules.patterns("organization_price")), "number")
    if not price:
        return
    interval = column_like(table, rules.patterns("interval"), "text")
    amount = _monthly(alias, _money(price, f"{alias}.{price.sql}"), interval)
    proposal.select.add("organization_revenue", amount)
    cents = ", taken as cents" if "/ 100" in amount else ""
    proposal.notes.append(f"what an organization pays in a month is {table.label}.{price.name}{cents}")


def _add_subscriptions(proposal: Proposal, around: Around, organization: Organization | None) -> None:
    select = proposal.select
    own = select.of(around.key)
    owners = [(table, on, own) for table, on, _ in around.references]
    if organization:
        group = organization.table
        referring = around.ways.references_to(group)
        owners += [(table, on, organization.value) for table, on, column in referring if column == group.key]
    for table, on, value in owners:
        is_subscription = table.words[-1:] == ("subscription",)
        status = column_like(
            table, rules.patterns("status") if is_subscription else rules.patterns("subscription_status"), "text"
        )
        if not status or table.is_view or (value != own and _is_of_customers(table, around)):
            continue
        price = column_like(table, rules.patterns("price"), "number")
        interval = column_like(table, rules.patterns("interval"), "text")
        made = column_like(table, rules.patterns("signed_up"))
        order = [
            f"({_is_active('{t}', status)}) DESC",
            *(f"{{t}}.{column.sql} DESC" for column in (made, table.key) if column),
        ]
        needed = [column.sql for column in (status, price, interval) if column]
        alias = select.join(table, on, value) if on.unique else select.join_first(table, on, value, needed, order)
        select.add("subscription_status", f"{alias}.{status.sql}")
        if price and not any(name == "revenue" for name, _ in select.columns):
            is_stripes = any({"stripe", "currency"} & set(column.words) for column in table.columns)
            amount = _money(price, f"{alias}.{price.sql}", is_stripes=is_stripes)
            select.add("revenue", _monthly(alias, amount, interval, status))
            if value != own:  # of a company, in each of its accounts
                select.add("organization_revenue", select.columns[-1][1])
            if "/ 100" in select.columns[-1][1]:
                proposal.notes.append(f"{table.label}.{price.name} is taken as cents")
        proposal.status_table, proposal.status, proposal.has_shared_plan = table, status, value != own
        proposal.notes.append(f"who pays is in {table.label}: the active subscription, else the latest")
        return


def _monthly(alias: str, amount: str, interval: TableColumn | None, status: TableColumn | None = None) -> str:
    """``amount`` as that of a month; with a ``status``, nothing for a subscription that is not active."""
    cases = [f"WHEN ({_is_active(alias, status)}) IS NOT TRUE THEN NULL"] if status else []
    if interval:
        yearly = ", ".join(f"'{word}'" for word in sorted(rules.words("year")))
        cases.append(f"WHEN lower({alias}.{interval.sql}::text) IN ({yearly}) THEN {amount} / 12")
    return "\n        ".join(["CASE", *cases, f"ELSE {amount}"]) + "\n    END" if cases else amount


def _is_active(alias: str, status: TableColumn) -> str:
    return f"lower({alias}.{status.sql}::text) = 'active'"


def _is_of_customers(table: DatabaseTable, around: Around) -> bool:
    """Whether the subscriptions are those that an organization's own customers have with it."""
    customers = [column for column in table.columns if {"customer", "client", "contact"} & set(column.words)]
    return any(around.ways.reference(table, column) for column in customers)


def _money(column: TableColumn, value: str, *, is_stripes: bool = False) -> str:
    """An amount in whole money: cents are divided, as are the whole numbers of a table that is like Stripe's."""
    is_cents = rules.words("cent") & set(column.words) or (
        column.type in ("integer", "bigint") and (is_stripes or "unit" in column.words)
    )
    return f"{value} / 100.0" if is_cents else value
