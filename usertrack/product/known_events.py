"""Which events ever occurred, and the error for one that did not: a count of it would be wrong, even 0."""

from collections.abc import Iterable, Sequence

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.engine.runner import Runner


def known_events(runner: Runner) -> list[str]:
    """Every event that occurred up to the runner's moment, the most frequent first."""
    return [str(row[0]) for row in runner.table(runner.bind("posthog/event_names")).rows]


def require_events(runner: Runner, names: Iterable[str]) -> None:
    """Raise UsageError for an event that never occurred up to the runner's moment. One query for all names."""
    names = list(names)
    known = known_events(runner) if names else []
    for name in names:
        if name not in known:
            raise never_occurred([name], known)


def never_occurred(names: Sequence[str], known: Sequence[str], more: str = "") -> UsageError:
    """The error for events that are not among the ``known`` ones; ``more`` is added to its hint."""
    frequent = f"the most frequent are {', '.join(known[:5])}" if known else "there are no events at all"
    suggestion = " ".join(dict.fromkeys(hint for name in names if (hint := did_you_mean(name, known))))
    quoted_names = " or ".join(f"'{name}'" for name in names)
    hint = f"{suggestion} {more}".strip() if suggestion else "; ".join(filter(None, (frequent, more)))
    return UsageError(f"no event {quoted_names} ever occurred", hint)
