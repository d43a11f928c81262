"""Run a query with values that users typed; an error that such a value causes names it, in the user's words."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from usertrack.core.errors import QueryError, UsageError, UsertrackError, did_you_mean
from usertrack.core.period import after
from usertrack.core.table import NamedRow, Table
from usertrack.core.words import plural
from usertrack.engine.runner import Runner
from usertrack.product.scope import GroupName, Scope, User, is_property, values_first

Values = Mapping[str, Any]
"""The parameters of a query by their names; the query says their types."""
ScopedQuery = tuple[str, Scope, Values]
"""The name of a query, its scope, and the parameters that it has beside those of the scope, or instead of them."""

_MEANING = re.compile(r"There is no supertype for types .*?(?= because|:)|Aggregate function .*? is found in WHERE")
_SYNTAX = ("no viable alternative", "mismatched input", "extraneous input", "missing '", "token recognition")


def answer(runner: Runner, query: str, scope: Scope, **own: object) -> Table:
    """The table of one query, by its name.

    Raises UsageError for a condition that is not HogQL, and for a breakdown by a property that nothing has.
    """
    [table] = answers(runner, [(query, scope, own)])
    return table


def answers(runner: Runner, queries: Sequence[ScopedQuery], typed: int | None = None) -> list[Table]:
    """The tables of several queries, by name, which run at once; raises as `answer` does.

    Users typed the breakdown of the first ``typed`` queries, or of all. In the other queries a breakdown by a property
    that nothing has is no error.
    """
    every_values: list[Values] = []
    for query, scope, own in queries:
        known = runner.library[query].params
        every_values.append({name: value for name, value in scope.parameters.items() if name in known} | dict(own))
    results = runner.run(
        [runner.bind(query, values) for (query, _, _), values in zip(queries, every_values, strict=True)]
    )
    for at, (table, values, (_, scope, _)) in enumerate(zip(results, every_values, queries, strict=True)):
        if isinstance(table, UsertrackError):
            raise _as_usage_error(runner, table, values)
        if (typed is None or at < typed) and scope.breakdown and without_values(table):
            begin = scope.since if "since" in values else values["before"]
            for name in filter(is_property, scope.breakdowns):
                _require([name], _properties(runner, begin, scope.end, _prefix(name)), _prefix(name))
    return [table for table in results if isinstance(table, Table)]


def without_values(table: Table) -> bool:
    """Whether no row has a value of the breakdown, and there are rows."""
    at = table.names.index("group_value") if "group_value" in table.names else None
    return at is not None and len(table.rows) > 0 and all(row[at] is None for row in table.rows)


def _as_usage_error(runner: Runner, error: UsertrackError, values: Values) -> UsertrackError:
    conditions = (values.get(name, "true") for name in ("where", "target_where", "returning_where"))
    typed = [text for text in (*conditions, *values.get("conditions", [])) if text != "true"]
    quoted_conditions = " or ".join(f"'{text}'" for text in typed)
    if isinstance(error, QueryError) and typed and any(words in error.message for words in _SYNTAX):
        return UsageError(f"PostHog does not understand {quoted_conditions}", "write it as in PostHog's SQL editor")
    if isinstance(error, QueryError) and typed and (meant := _MEANING.search(error.message)):
        return UsageError(f"PostHog cannot use {quoted_conditions} as a condition on events", f"it says: {meant[0]}")
    unknown = re.search(r"Unable to resolve field: ([\w$]+)", error.message)
    if unknown and any(unknown[1] in text for text in typed):
        name, known = unknown[1], _properties(runner, runner.as_of - _LATELY, runner.as_of)
        written = f"properties are written properties.{name}, those of persons person.properties.{name}"
        return UsageError(f"events have no field '{name}'", did_you_mean(name, {*_FIELDS, *known} - {name}, written))
    return error


_FIELDS = ("event", "timestamp", "properties", "person", "person_id", "distinct_id", "elements_chain", "session")
_LATELY = timedelta(days=90)  # a property that no event had for so long is taken for a misspelling


def user_of(runner: Runner, name: str) -> User:
    """The user with this e-mail or distinct_id; raises UsageError where nobody with it has an event."""
    rows = runner.table(runner.bind("posthog/user_persons", {"who": name, "until": after(runner.as_of)})).rows
    if not rows:
        raise UsageError(
            f"nobody with the e-mail or id '{name}' did anything", "`usertrack match` says who is in which source"
        )
    return User(name, tuple(str(person) for person, _ in rows), frozenset(str(email) for _, email in rows if email))


def groups(table: Table, scope: Scope) -> Iterator[tuple[GroupName, list[NamedRow]]]:
    """The rows of each group of the breakdown with its name; one group without rows when the table is empty."""
    by_rank: dict[int, list[NamedRow]] = {}
    for row in table.dicts():
        by_rank.setdefault(int(row["group_rank"]), []).append(row)
    named = [(scope.group_name(rank, rows[0]["group_value"]), rows) for rank, rows in sorted(by_rank.items())]
    yield from values_first(named or [(scope.group_name(1, None), [])], lambda group: group[0])


def all_others_note(table: Table, scope: Scope) -> tuple[str, ...]:
    """A note of how many values of the breakdown are in "all others"; nothing where there are none."""
    rows = table.dicts() if scope.breakdown else []
    if not any(row["group_rank"] == scope.rank_of_others for row in rows):
        return ()
    named_values = {
        row["group_value"] for row in rows if row["group_rank"] <= scope.top and row["group_value"] is not None
    }
    return more_values_note(max(int(row["group_values"]) for row in rows) - len(named_values), scope)


def more_values_note(more: int, scope: Scope) -> tuple[str, ...]:
    """A note that ``more`` values of the breakdown have no group of their own; nothing for 0."""
    note = f"all others: {plural(more, 'more value')} of {scope.breakdown}; --top tells more apart"
    return (note,) if more else ()


def require_known(runner: Runner, names: Sequence[str], since: datetime, until: datetime) -> None:
    """Raise UsageError for a property that nothing has in the window, nor in the 90 days before its end.

    Where no event and no person has any property, nothing is checked.
    """
    begin = min(since, until - _LATELY)
    for prefix in ("", "person."):
        properties = [name for name in names if _prefix(name) == prefix and not name.startswith(_COMPUTED)]
        if properties and (known := _properties(runner, begin, until, prefix)):
            _require(properties, known, prefix)


_COMPUTED = ("$virt_", "person.$virt_")  # PostHog computes these in the query


def _require(properties: Iterable[str], known: Sequence[str], prefix: str) -> None:
    """Raise UsageError for a property that is not ``known``; persons' begin with the ``prefix`` ``person.``."""
    for name in properties:
        if name not in known:
            kind = "person" if prefix else "event"
            frequent = f"the most frequent are {', '.join(known[:5])}" if known else f"no {kind} has any property"
            hint = did_you_mean(name, known, frequent)
            raise UsageError(f"no {kind} in this time has a property '{name.removeprefix(prefix)}'", hint)


def _prefix(name: str) -> str:
    return "person." if name.startswith("person.") else ""


def _properties(runner: Runner, since: datetime, until: datetime, prefix: str = "") -> list[str]:
    """The properties of the events in a window, or of their persons, the most frequent first."""
    values = {"since": since, "until": until, "of_person": bool(prefix)}
    return [f"{prefix}{row[0]}" for row in runner.table(runner.bind("posthog/property_names", values)).rows]
