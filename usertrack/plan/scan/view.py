"""A scan as a document: the events with their places, then what could not be resolved, by reason."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from usertrack.core.document import Block, Document, Field, Listing, Paragraph
from usertrack.core.json_types import JsonObject
from usertrack.core.table import Column, Table
from usertrack.core.words import plural
from usertrack.plan.scan.site import CallSite, ProfileSite, Scan, Unresolved

MOST = 40
"""Rows that people see of each listing, unless --limit says otherwise."""
MOST_FILES = 12  # that a row names; the others are counted
NOTHING = "Nothing here sends an event: no call of an analytics SDK, and no request with `event` and `distinct_id`."
ADVICE = "If a call of your own sends them, name it under `sinks:` in tracking.yaml."


def scan_document(scan: Scan) -> Document:
    """``scan`` as text, table and JSON."""
    blocks: list[Block] = [Listing(_events(scan.sites), fields=_EVENT_FIELDS, limit=MOST)] if scan.sites else []
    if not scan.sites:
        blocks += [Paragraph(NOTHING), Paragraph(ADVICE, "dim")]
    if scan.unresolved:
        blocks.append(Listing(_reasons(scan.unresolved), "Not resolved", _REASON_FIELDS, limit=MOST))
    events = {site.event for site in scan.sites if site.event is not None}
    patterns = {site.pattern for site in scan.sites if site.pattern is not None}
    parts = [plural(len(events), "event")]
    if patterns:
        parts.append(plural(len(patterns), "pattern"))
    parts.append(plural(len(scan.sites), "place"))
    if scan.unresolved:
        parts.append(f"{len(scan.unresolved)} not resolved")
    parts += [plural(scan.files, "file"), f"{scan.seconds:.1f} s"]
    names = ("event", "pattern", "file", "line", "sink", "chain", "properties", "sometimes")
    types = {"line": "BIGINT", "chain": "VARCHAR[]", "properties": "VARCHAR[]", "sometimes": "VARCHAR[]"}
    rows = [
        (
            *(site.event, site.pattern, site.file, site.line, site.sink, list(site.chain)),
            [p.name for p in site.properties],
            [p.name for p in site.properties if not p.always],
        )
        for site in scan.sites
    ]
    return Document(
        title="What the code sends",
        subtitle=" · ".join(parts),
        blocks=tuple(blocks),
        data=lambda: scan_json(scan),
        table=Table(tuple(Column(name, types.get(name, "VARCHAR")) for name in names), rows, name="scan"),
    )


def scan_json(scan: Scan) -> JsonObject:
    return {
        "sites": [asdict(site) for site in scan.sites],
        "unresolved": [{**asdict(place), "instead": place.instead or None} for place in scan.unresolved],
        "profiles": [_profile_json(site) for site in scan.profiles],
        "partial": scan.is_partial,
        "files": scan.files,
        "seconds": round(scan.seconds, 3),
    }


def _profile_json(site: ProfileSite) -> JsonObject:
    values = asdict(site)
    values["complete"] = values.pop("is_complete")
    return values


def _name(site: CallSite) -> str:
    return site.event if site.event is not None else site.pattern or ""


_EVENT_FIELDS = {
    "event": Field("Event", "tag"),
    "places": Field("Where", grows=True),
    "way": Field("Sent by"),
    "properties": Field("Properties (? not always)", grows=True),
}
_REASON_FIELDS = {
    "places": Field("Where", grows=True),
    "count": Field(" ", "number"),
    "reason": Field("Why", grows=True),
}


def _events(sites: Sequence[CallSite]) -> Table:
    """A row for each event and way in which it is sent."""
    groups: dict[tuple[str, str], list[CallSite]] = {}
    for site in sites:
        groups.setdefault((_name(site), _way(site)), []).append(site)
    rows = [
        (name, _places((site.file, site.line) for site in group), way, _keys(group))
        for (name, way), group in sorted(groups.items(), key=lambda item: (item[0][0].lower(), item[0]))
    ]
    return Table((Column("event"), Column("places"), Column("way"), Column("properties")), rows)


def _way(site: CallSite) -> str:
    return " → ".join((*site.chain, site.sink))


def _places(places: Iterable[tuple[str, int]]) -> str:
    """`a.py:3, 8 · b.py:1`: each file once, and at most so many of them."""
    lines: dict[str, list[str]] = {}
    for file, line in places:
        lines.setdefault(file, []).append(str(line))
    shown = [f"{file}:{', '.join(numbers)}" for file, numbers in list(lines.items())[:MOST_FILES]]
    return " · ".join(shown + [f"and {plural(len(lines) - MOST_FILES, 'file')} more"] * (len(lines) > MOST_FILES))


def _keys(sites: Sequence[CallSite]) -> str:
    """The keys of all sites of an event, with `?` where one of them may lack it."""
    count = Counter(p.name for site in sites for p in site.properties if p.always)
    names = dict.fromkeys(p.name for site in sites for p in site.properties)
    return ", ".join(name if count[name] == len(sites) else f"{name}?" for name in names)


def _reasons(unresolved: Sequence[Unresolved]) -> Table:
    """A row for each reason, the most frequent first."""
    groups: dict[str, list[Unresolved]] = {}
    for place in unresolved:
        groups.setdefault("; ".join(filter(None, (place.reason, place.instead))), []).append(place)
    rows = [
        (_places((place.file, place.line) for place in group), len(group), reason)
        for reason, group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
    return Table((Column("places"), Column("count", "BIGINT"), Column("reason")), rows)
