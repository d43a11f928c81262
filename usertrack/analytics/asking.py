"""Asking a query about what users typed: a mistake in that is told as theirs, in their words."""

from collections.abc import Iterable, Mapping
from typing import Any

from usertrack.errors import QueryError, UsageError, did_you_mean
from usertrack.run import Runner
from usertrack.table import Table

_SYNTAX = ("no viable alternative", "mismatched input", "extraneous input", "missing '", "token recognition")


def answer(runner: Runner, query: str, values: Mapping[str, Any]) -> Table:
    """The answer to the query of that name; raises UsageError for a condition that is no HogQL."""
    try:
        return runner.one(runner.bind(query, values))
    except QueryError as error:
        typed = [text for text in (values["where"], *values.get("conditions", [])) if text != "true"]
        if typed and any(words in error.message for words in _SYNTAX):
            said = " or ".join(f"'{text}'" for text in typed)
            raise UsageError(f"PostHog does not understand {said}", "write it as in PostHog's SQL editor") from error
        raise


def require_events(runner: Runner, names: Iterable[str]) -> None:
    """Raise UsageError for an event that never occurred up to the runner's moment. Asks the source once."""
    known = [str(row[0]) for row in runner.one(runner.bind("posthog/event_names")).rows]
    for name in names:
        if name not in known:
            some = ", ".join(known[:5])
            hint = did_you_mean(name, known, f"the most frequent are {some}" if known else "there are no events at all")
            raise UsageError(f"no event '{name}' ever occurred", hint)
