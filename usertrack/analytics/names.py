"""Names of events that users typed: one that never occurred is an error that names the near ones."""

from collections.abc import Iterable

from usertrack.errors import UsageError, did_you_mean
from usertrack.run import Runner


def require_events(runner: Runner, names: Iterable[str]) -> None:
    """Raise UsageError for an event that never occurred up to the runner's moment. Asks the source once."""
    known = [str(row[0]) for row in runner.one(runner.bind("posthog/event_names")).rows]
    for name in names:
        if name not in known:
            some = ", ".join(known[:5])
            hint = did_you_mean(name, known, f"the most frequent are {some}" if known else "there are no events at all")
            raise UsageError(f"no event '{name}' ever occurred", hint)
