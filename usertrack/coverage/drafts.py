"""Drafts of a plan: from what the code sends, and from what has arrived."""

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from usertrack.core.errors import UsertrackError
from usertrack.core.table import Table
from usertrack.core.temporary import temporary_folder
from usertrack.core.words import plural
from usertrack.coverage.arrivals import require_all
from usertrack.engine.runner import Runner
from usertrack.plan.conform import is_of_sdk
from usertrack.plan.draft.model import Draft, DraftEntry, entry
from usertrack.plan.draft.names import type_of_name, unit_of_name, usual_rule, usual_rules
from usertrack.plan.lint.personal import id_in, personal_name, personal_values
from usertrack.plan.model import PlannedProperty, Type
from usertrack.plan.scan.site import CallSite, Scan

_FEW = 20  # events or persons: of fewer, nothing is said to be in all of them
_ENUM = 8  # texts at most, of a property that has a closed list
_MACHINE_WORD = re.compile(r"[a-z][a-z0-9_-]{0,29}")  # such as `trial`: what people write begins with a capital
_FILES = 5  # of a source, before it is a folder


# From code


def draft_of_code(scan: Scan, folder: str = "") -> Draft:
    """The events that the code names, with their files and properties. A computed name is a note: it has no entry.

    ``folder`` is the one that was scanned, as the plan sees it.
    """
    sites: dict[str, list[CallSite]] = {}
    for site in scan.sites:
        if site.event is not None and not site.event.startswith("$"):
            sites.setdefault(site.event, []).append(site)
    events = [_event_of_sites(name, sites[name], folder) for name in sorted(sites)]
    names = {sent.name for of_event in sites.values() for site in of_event for sent in site.properties}
    registry = [_named_property(("properties",), name) for name in sorted(names) if _is_own(name)]
    patterns = {site.pattern: site for site in reversed(scan.sites) if site.pattern is not None}
    notes = [
        f"`{pattern}` is computed ({site.file}:{site.line}): name its events in the plan"
        for pattern, site in sorted(patterns.items())
    ]
    if scan.unresolved:
        notes.append(f"{plural(len(scan.unresolved), 'place')} could not be resolved: `usertrack plan scan` lists them")
    files = {name: _files(of_event, "") for name, of_event in sites.items()}
    return Draft((*_naming(files, names, folder), *registry, *events), tuple(notes))


def _event_of_sites(name: str, sites: Sequence[CallSite], folder: str) -> DraftEntry:
    keys = list(dict.fromkeys(sent.name for site in sites for sent in site.properties if not is_of_sdk(sent.name)))
    always = [key for key in keys if all(any(s.name == key and s.always for s in site.properties) for site in sites)]
    files = _files(sites, folder)
    where = "its only place" if len(sites) == 1 else f"all {len(sites)} places"
    return entry(
        ("events", name),
        {"required": f"in {where} of the code", "status": "the code sends it"},
        source=files if len(files) <= _FILES else sorted({file.rpartition("/")[0] + "/**" for file in files}),
        required=always,
        properties=[key for key in keys if key not in always],
        status="active",
    )


def _files(sites: Iterable[CallSite], folder: str) -> list[str]:
    return list(dict.fromkeys(posixpath.normpath(posixpath.join(folder, site.file)) for site in sites))


def _named_property(section: tuple[str, ...], name: str) -> DraftEntry:
    """A property of which the name alone is known."""
    guesses = {"type": "by its name", "personal": "by its name"}
    kind, personal = type_of_name(name), personal_name(PlannedProperty(name))
    return entry(
        (*section, name),
        guesses,
        type=kind or "",
        unit=unit_of_name(name) or "",
        personal=(not kind and personal) or "",
    )


def _naming(events: Mapping[str, Sequence[str]], properties: Iterable[str], folder: str = "") -> Iterable[DraftEntry]:
    """The rules that most names keep; ``events`` have the files that send them, in ``folder``."""
    why = {"": "most names are so"}
    rules = [
        rule | ({"files": posixpath.normpath(posixpath.join(folder, rule["files"]))} if "files" in rule else {})
        for rule in usual_rules(events)
    ]
    if rules:
        yield DraftEntry(("naming", "events"), rules if len(rules) > 1 else rules[0], why)
    if rule := usual_rule(properties):
        yield DraftEntry(
            ("naming", "properties"), {name: value for name, value in rule.items() if name != "tense"}, why
        )


_ENDINGS = {"py": "py", "python": "py", "ts": "ts", "typescript": "ts", "tsx": "tsx", "jsx": "jsx"}
_ENDINGS |= dict.fromkeys(("js", "javascript"), "js")


def with_examples(draft: Draft, scanned: Callable[[Path], Scan]) -> Draft:
    """The draft with the properties that its examples send with its events; ``scanned`` scans a folder."""
    known = [(language, text) for language, text in draft.examples if language in _ENDINGS]
    if not known:
        return draft
    with temporary_folder() as folder:
        for number, (language, text) in enumerate(known):
            (folder / f"example{number}.{_ENDINGS[language]}").write_text(text, encoding="utf-8")
        sites = scanned(folder).sites
    sent: dict[str, dict[str, None]] = {}
    for site in sites:
        names = [prop.name for prop in site.properties if _is_own(prop.name)]
        sent.setdefault(site.event or "", {}).update(dict.fromkeys(names))
    scopes = {
        drafted.path[-1]: drafted.value["requires"]
        for drafted in draft.entries
        if drafted.path[0] == "scopes" and isinstance(drafted.value, Mapping)
    }
    entries = [_with_sent(drafted, list(sent.get(drafted.path[-1], ())), scopes) for drafted in draft.entries]
    events = {drafted.path[-1] for drafted in draft.entries if drafted.path[0] == "events"}
    registry = [_named_property(("properties",), name) for event in events & sent.keys() for name in sent[event]]
    return replace(draft, entries=[*entries, *registry])


def _with_sent(event: DraftEntry, names: Sequence[str], scopes: Mapping[str, Sequence[str]]) -> DraftEntry:
    """The event with the properties and the scope that an example of it has, where nothing else says which it has."""
    value = event.value if isinstance(event.value, Mapping) else {}
    if event.path[0] != "events" or not names or "properties" in value:
        return event
    scope = next((scope for scope, required in scopes.items() if set(required) <= set(names)), "")
    guesses = {"properties": "from an example of its code", "scope": "its example has the properties"}
    return entry(
        event.path,
        {**event.guesses, **guesses},
        **{**value, "properties": list(names), "scope": value.get("scope") or scope},
    )


# From data


@dataclass
class _Kinds:
    """The kinds and texts of a property over all events."""

    kinds: set[str] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)
    is_whole: bool = True  # whether ``texts`` are all that there are
    events: int = 0


def draft_of_data(runner: Runner, days: int) -> Draft:
    """The events of the last ``days``, their properties and their types, and the properties of persons and groups.

    Values are in it where a property has few different texts that do not speak of people. Raises the error of the
    source, and Unknown for an answer that is cut.
    """
    names = ("property_values", "arrival_person_properties", "arrival_group_properties")
    answers = runner.run([runner.bind(f"posthog/{name}", {"days": days}) for name in names])
    tables = [answer for answer in answers if isinstance(answer, Table)]
    for answer in answers:
        if isinstance(answer, UsertrackError):
            raise answer
    for table in tables:
        require_all(table)
    values, persons, groups = (table.dicts() for table in tables)
    everything = [row for row in values if row["event"].strip() and not is_of_sdk(row["property"])]
    rows = [row for row in everything if not id_in(row["event"])]
    by_event: dict[str, dict[str, int]] = {row["event"]: {} for row in rows}
    totals = {row["event"]: int(row["total"]) for row in rows}
    kinds: dict[str, _Kinds] = {}
    for row in rows:
        if name := row["property"]:
            by_event[row["event"]][name] = int(row["events"])
            known = kinds.setdefault(name, _Kinds())
            known.kinds.update(row["kinds"])
            known.texts += [text for text in row["texts"] if text not in known.texts]
            known.is_whole = known.is_whole and len(row["texts"]) < 10
            known.events += int(row["events"])
    profiles: list[tuple[tuple[str, ...], str]] = [
        (("person_properties",), row["property"]) for row in persons if _is_own(row["property"])
    ]
    profiles += [(("group_properties", row["kind"]), row["property"]) for row in groups if _is_own(row["property"])]
    entries = [
        *_naming(dict.fromkeys(by_event, ()), kinds),
        *(_described(name, kinds[name]) for name in sorted(kinds)),
        *(_event_of_data(name, by_event[name], totals[name], days) for name in sorted(by_event)),
        *(_named_property(section, name) for section, name in profiles),
    ]
    notes = list(dict.fromkeys(note for table in tables for note in table.notes))
    if with_ids := {row["event"] for row in everything} - totals.keys():
        count = plural(len(with_ids), "event")
        notes.append(f"{count} with an id in the name left out: one name for all is better, with the id as a property")
    return Draft(entries, tuple(notes))


def _is_own(name: str) -> bool:
    return bool(name.strip()) and not is_of_sdk(name)


def _event_of_data(name: str, properties: Mapping[str, int], total: int, days: int) -> DraftEntry:
    always = [key for key, count in properties.items() if count == total and total >= _FEW]
    return entry(
        ("events", name),
        {"required": f"in all {total} events of {days} days", "status": f"it came in the last {days} days"},
        required=always,
        properties=[key for key in properties if key not in always],
        status="active",
    )


def _described(name: str, known: _Kinds) -> DraftEntry:
    """The type of the values, a list of few texts, and the class of personal data that name or texts speak of."""
    kind = _type_of_kinds(known.kinds)
    named = personal_name(PlannedProperty(name, type=kind))
    counts = personal_values(name, known.texts)
    common = max(counts.items(), key=lambda item: item[1])[0] if counts else None
    personal = named or common
    # 5: words of a closed list come again and again
    is_few = known.is_whole and 1 < len(known.texts) <= _ENUM and known.events >= 5 * len(known.texts)
    is_list = kind == "string" and is_few and all(_MACHINE_WORD.fullmatch(text) for text in known.texts)
    seen = f"from {plural(known.events, 'event')}"
    return entry(
        ("properties", name),
        {"type": seen if kind else "", "values": "these came", "personal": "by its name or values"},
        type=kind or "",
        unit=unit_of_name(name) or "",
        values=sorted(known.texts) if is_list and not personal else [],
        personal=personal or "",
    )


def _type_of_kinds(kinds: set[str]) -> Type | None:
    """The type that all values have; None where they have several."""
    if kinds == {"integer", "number"}:
        return "number"
    if kinds == {"string", "datetime"}:
        return "string"
    names: tuple[Type, ...] = ("string", "number", "integer", "boolean", "datetime", "list", "object")
    return next((name for name in names if kinds == {name}), None)
