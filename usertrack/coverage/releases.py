"""When a release came: a date as it is written, or the commit of a git tag."""

import re
from datetime import datetime
from pathlib import Path

from usertrack.core.errors import UsageError
from usertrack.core.period import as_utc
from usertrack.coverage.arrivals import LONG_AGO, Releases
from usertrack.coverage.trees import repository_of
from usertrack.plan.model import Plan, property_aliases

_TAG = re.compile(r"[\w][\w./+-]*")


def releases_of(plan: Plan, folder: Path) -> tuple[Releases, tuple[str, ...]]:
    """The releases that ``since:`` names, and notes on those that are neither a date nor a tag of ``folder``'s git."""
    of_events = [event.since for event in plan.events.values()]
    named = filter(None, dict.fromkeys([*of_events, *(item.since for item in plan.person_properties.values())]))
    read = {since: _moment(since, folder) for since in named}
    moments = {since: moment for since, moment in read.items() if moment}
    unknown = [since for since, moment in read.items() if moment is None]
    notes = [f"`since: {since}` is neither a date nor a tag here: counted over all days" for since in unknown]
    groups = [item for properties in plan.group_properties.values() for item in properties.values()]
    return (
        Releases(
            events={
                name: moments[event.since]
                for event in plan.events.values()
                if event.since in moments
                for name in event.names
            },
            # every planned one: the query then has a row for it, although nobody has it
            persons={item.name: moments.get(item.since or "", LONG_AGO) for item in plan.person_properties.values()},
            aliases=plan.property_aliases,
            person_aliases=property_aliases(plan.person_properties.values()),
            group_aliases=property_aliases(groups),
        ),
        tuple(notes),
    )


def release_tags(folder: Path) -> list[str]:
    """The tags of the git repository that ``folder`` is in; none where it is in none."""
    try:
        return repository_of(folder).tags()
    except UsageError:
        return []


def _moment(since: str, folder: Path) -> datetime | None:
    try:
        return as_utc(datetime.fromisoformat(since))
    except ValueError:
        pass
    if not _TAG.fullmatch(since):
        return None
    try:
        date = repository_of(folder).tag_date(since)
    except UsageError:  # no repository, or no git
        return None
    return as_utc(date) if date else None
