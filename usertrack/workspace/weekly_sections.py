"""`sections` in usertrack.yaml: which parts the weekly report has, and in what order."""

import re
from collections.abc import Mapping, Sequence

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.workspace.setting import Setting

SECTIONS = {
    "summary": "In short",
    "scorecard": "Scorecard",
    "segments": "Segments",
    "people": "",
    "use_cases": "What to write",
    "offers": "Power users to approach",
    "lapsed": "Who lapsed",
    "failures": "Failures and incidents",
    "new_users": "What new users did",
    "traffic": "Traffic",
    "data": "The data behind this",
}
"""The sections of the weekly report by id, with their headings in full. ``people`` are one for each segment."""


def listed_sections(listed: Setting, segments: Mapping[str, str]) -> list[str]:
    """The ids of the sections that the setting lists by id or heading; ``segments`` are names by id, each a section.

    Empty for all. Raises UsageError, with the line, for a name that is no section.
    """
    ids = {_plain(heading): id_ for id_, heading in (*segments.items(), *SECTIONS.items()) if heading}
    ids |= {_plain(id_): id_ for id_ in (*segments, *SECTIONS)}
    for name in listed.value:
        if _plain(name) not in ids:
            hint = did_you_mean(name, [*SECTIONS, *segments, *SECTIONS.values()], f"there are {', '.join(SECTIONS)}")
            raise UsageError(f"{listed.place}: the weekly report has no section '{name}'", hint)
    return list(dict.fromkeys(ids[_plain(name)] for name in listed.value))


def in_order(ids: Sequence[str], listed: Sequence[str], segments: Sequence[str]) -> list[int]:
    """The places in ``ids`` of the ``listed`` sections, in that order; all of them where none is listed."""
    ways = [segments if listed_id == "people" else [listed_id] for listed_id in listed]
    ordered = dict.fromkeys(id_ for way in ways for id_ in way) if listed else dict.fromkeys(ids)
    return [place for id_ in ordered for place, known_id in enumerate(ids) if known_id == id_]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.strip().casefold())
