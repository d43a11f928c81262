"""A plan written in Markdown, as a draft: tables of events and properties, tiers, phases, naming rules and metrics."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from usertrack.plan.draft.document import (
    ListOfItems,
    MarkdownCell,
    MarkdownSection,
    TableOfCells,
    read_markdown,
    texts_without_code,
)
from usertrack.plan.draft.model import Draft, DraftEntry, Value, entry
from usertrack.plan.draft.names import is_event_name, is_name, type_of_name, unit_of_name
from usertrack.plan.lint.words import stem, words_of
from usertrack.plan.model import CASES, TYPES

# a name, and what is said of it behind a colon or in parentheses
_PROPERTY = re.compile(r"`(?P<name>[^`]+)`(?:\s*:\s*(?P<value>`[^`]+`|[^,;`]+)|\s*\((?P<aside>[^)]*)\))?")
_JOINING = ("and", "or", "+", "&")


@dataclass(frozen=True)
class ListedProperties:
    """By name what is said of each, and why that is a guess; ``rest`` is what else the cell says."""

    values: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    guesses: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    rest: Sequence[str] = ()


def listed_properties(cell: MarkdownCell | None) -> ListedProperties:
    if cell is None:
        return ListedProperties()
    if not cell.codes:
        texts = [text.strip() for text in re.split(r"[,;]", cell.text) if text.strip(" -–—")]
        return ListedProperties(
            {text: {} for text in texts if is_name(text)}, {}, [text for text in texts if not is_name(text)]
        )
    values: dict[str, Mapping[str, Value]] = {}
    guesses: dict[str, Mapping[str, str]] = {}
    between = (text.strip() for text in re.split(r"[,;/]", _PROPERTY.sub("", cell.marked)))
    rest = [text for text in between if text and text not in _JOINING]
    for match in _PROPERTY.finditer(cell.marked):
        name, about = match["name"], (match["value"] or match["aside"] or "").replace("`", "").strip()
        if is_name(name):
            values[name], guesses[name] = values_of(about)
        if about and not values.get(name):
            rest.append(f"{name}: {about}")
    return ListedProperties(values, guesses, rest)


def values_of(text: str) -> tuple[dict[str, Value], dict[str, str]]:
    """Return the type that a text such as `"admin" / "member"`, `True/False`, `count` or `percentage` means."""
    plain = text.strip("`").casefold()
    quoted = re.findall(r"[\"'“]([^\"'”]+)[\"'”]", text)
    if quoted:
        return {"type": "string", "values": list(dict.fromkeys(quoted))}, {}
    if plain in TYPES:
        return {"type": plain}, {}
    guess = {"type": f"from {text!r}"}
    if re.fullmatch(r"true\s*[/|,]\s*false|bool(ean)?|yes\s*[/|,]\s*no", plain):
        return {"type": "boolean"}, {}
    if re.search(r"percent|rate", plain):
        return {"type": "number", "unit": "percent"}, guess
    if re.search(r"\bcount\b|\bint\b|number of", plain):
        return {"type": "integer"}, guess
    if re.search(r"\b(date|time|timestamp)", plain):
        return {"type": "datetime"}, guess
    alternatives = [part.strip(" `") for part in re.split(r"[/|]", text)]
    if len(alternatives) > 1 and all(map(is_name, alternatives)):
        return {"type": "string", "values": list(dict.fromkeys(alternatives))}, guess
    return {}, {}


_TIER = re.compile(r"(?:tier|priority)\s+(\w+)\s*[:.–—-]*\s*(.*)", re.IGNORECASE)
_PHASE = re.compile(r"(?:phase|milestone|sprint|stage)\s+(\w+)\s*[:.–—-]*\s*(.*?)\s*(?:\[([^\]]+)\])?", re.IGNORECASE)
_SCOPE = re.compile(r"include (\S+) in (?:all|every) (\w+)[- ]scoped events", re.IGNORECASE)
_CHECKBOX = re.compile(r"\[[ xX]\]\s*")
_NUMBER = re.compile(r"((?:\d{1,3}(?:[, ]\d{3})+|\d+)(?:\.\d+)?)\s*(%?)")
_MEANINGS = {
    "source": ("location", "where", "file", "source", "trigger"),
    "properties": ("properties", "props", "attributes", "parameters"),
    "description": ("description", "purpose", "when", "notes", "meaning"),
    "owner": ("owner", "team"),
    "tier": ("tier", "priority"),
    "phase": ("phase",),
    "value": ("value", "values", "type", "example"),
}
_COLUMNS = {name: meaning for meaning, names in _MEANINGS.items() for name in names}
_EVENT_HEADS = ("event", "event name", "events", "name of event")
_PROPERTY_HEADS = ("property", "property name", "properties", "attribute", "trait", "field")
_GENERIC = {"event", "events", "tracking", "backend", "frontend", "user", "group", "property", "properties", "critical"}
_GENERIC |= {"funnel", "enrichment", "engagement", "feature", "and", "the"}


def draft_of_markdown(path: Path) -> Draft:
    """Return what the file says of a plan; raises UsageError where it cannot be read."""
    return _Reader(read_markdown(path)).draft()


class _Reader:
    def __init__(self, parts: Sequence[MarkdownSection]) -> None:
        self.parts = parts
        self.events: dict[str, dict[str, Value]] = {}
        self.guesses: dict[str, dict[str, str]] = {}
        self.properties: dict[str, DraftEntry] = {}
        self.entries: list[DraftEntry] = []
        self.notes: list[str] = []

    def draft(self) -> Draft:
        for part in self.parts:
            for table in part.tables:
                head = table.header[0] if table.header else ""
                readers: Sequence[tuple[Sequence[str], Callable[[MarkdownSection, TableOfCells], None]]] = (
                    (_EVENT_HEADS, self._events),
                    (_PROPERTY_HEADS, self._described_properties),
                    (("metric", "kpi", "success metric"), self._metrics),
                )
                for heads, read in readers:
                    if head in heads:
                        read(part, table)
            for items in part.lists:
                self._tier(part, items)
        for part in self.parts:
            self._phase(part)
            self._naming(part)
        # A phase for planned events without one: the only phase whose title has a word of the event's name.
        titles = [(entry.path[1], entry.value) for entry in self.entries if entry.path[0] == "phases"]
        about = {name: _stems(str(value.get("title", ""))) for name, value in titles if isinstance(value, dict)}
        for name, values in self.events.items():
            phases = [phase for phase, stems in about.items() if stems & _stems(name)]
            if len(phases) == 1 and not values.get("phase") and values.get("status") != "active":
                self._event(name, {"phase": phases[0]}, {"phase": "by the words of its title"})
        events = [entry(("events", name), self.guesses[name], **values) for name, values in self.events.items()]
        examples = tuple((example.language, example.text) for part in self.parts for example in part.examples)
        entries = [
            entry_
            for entry_ in (*self.entries, *self.properties.values(), *events)
            if all(name.strip() for name in entry_.path)
        ]
        return Draft(entries, tuple(dict.fromkeys(self.notes)), examples)

    def _event(self, name: str, values: Mapping[str, Value], guesses: Mapping[str, str]) -> None:
        """Add what is new; what was read first holds."""
        known, known_guesses = self.events.setdefault(name, {}), self.guesses.setdefault(name, {})
        for key, value in values.items():
            if value and key not in known:
                known[key] = value
                known_guesses.update({key: guesses[key]} if key in guesses else {})

    # Tables

    def _events(self, part: MarkdownSection, table: TableOfCells) -> None:
        is_there = _has(part, "implemented", "existing", "current", "already")
        for row in table.rows:
            cells = {_COLUMNS.get(name, ""): cell for name, cell in zip(table.header[1:], row[1:], strict=False)}
            listed = listed_properties(cells.get("properties"))
            values: dict[str, Value] = {
                "description": _text(cells.get("description")),
                "tier": _text(cells.get("tier")),
                "phase": _text(cells.get("phase")),
                "owner": _text(cells.get("owner")),
                "source": _sources(cells.get("source")),
                "properties": list(listed.values),
                "status": "active" if is_there else "",
            }
            guesses = {"status": "its table is of what is there"} if is_there else {}
            if listed.rest and listed.values:
                guesses["properties"] = f"what else is sent: {', '.join(listed.rest)}"
            for name in row[0].struck:
                self._event(name, {"status": "deprecated"}, {"status": "it is struck through"})
            for name in self._event_names(row[0]):
                known = self.events.get(name, {})
                if differing := [key for key, value in values.items() if value and known.get(key, value) != value]:
                    self.notes.append(f"`{name}` is there twice: the {' and '.join(differing)} of its first row holds")
                self._event(name, values, guesses)
            for name, about in listed.values.items():
                self._register(_registry_entry(name, about, listed.guesses.get(name, {})))

    def _event_names(self, cell: MarkdownCell) -> list[str]:
        """The names in the code of a cell, or its text; a note tells of code that is none."""
        self.notes += [
            f"`{code}` does not read as an event: left out" for code in cell.codes if not is_event_name(code)
        ]
        return [code for code in cell.codes if is_event_name(code)] if cell.codes else [cell.text] * bool(cell.text)

    def _register(self, new: DraftEntry) -> None:
        """Keep what is said first of a property, and what is said over what its name speaks of."""
        known = self.properties.get(new.path[-1])
        if known is None or ("type" in known.guesses and "type" not in new.guesses and new.value):
            self.properties[new.path[-1]] = new

    def _described_properties(self, part: MarkdownSection, table: TableOfCells) -> None:
        section = _section_of_properties(part)
        for row in table.rows:
            cells = {_COLUMNS.get(name, ""): cell for name, cell in zip(table.header[1:], row[1:], strict=False)}
            values, guesses = values_of(_spelled(cells.get("value")))
            for name in (code for code in (row[0].codes or [row[0].text]) if is_name(code)):
                if "type" not in values and (kind := type_of_name(name)):
                    values, guesses = {**values, "type": kind}, {**guesses, "type": "by its name"}
                described = {**values, "description": _text(cells.get("description"))}
                self.entries.append(entry((*section, name), guesses, **described))

    def _metrics(self, part: MarkdownSection, table: TableOfCells) -> None:
        for row in (row for row in table.rows if row and row[0].text):
            targets = {
                _moment(name): number
                for name, cell in zip(table.header[1:], row[1:], strict=False)
                if name.startswith(("target", "goal")) and (number := _target(cell.text)) is not None
            }
            measure = _measure(row[0].text)
            guesses = {"measure": "by its words"}
            self.entries.append(entry(("metrics", row[0].text), guesses, measure=measure, targets=targets))

    # Tiers, phases and rules

    def _tier(self, part: MarkdownSection, items: ListOfItems) -> None:
        match = _TIER.fullmatch(items.label) or _TIER.fullmatch(part.heading)
        if not match:
            return
        tier, title = match[1], match[2].strip()
        self.entries.append(DraftEntry(("tiers", tier), title or None))
        source = next((side for side in ("frontend", "backend") if side in title.casefold()), "")
        for item in items.items:
            if "".join(texts_without_code(item)):
                continue
            for name in filter(is_name, item.codes):
                self._event(name, {"tier": tier, "source": source}, {"source": "by the title of its tier"})

    def _phase(self, part: MarkdownSection) -> None:
        match = _PHASE.fullmatch(part.heading)
        if not match:
            return
        goal = next((text.partition(":")[2].strip() for text in part.paragraphs if text.startswith("Goal:")), "")
        files = [
            code
            for items in part.lists
            if items.label.startswith("File")
            for item in items.items
            for code in item.codes[:1]
        ]
        accepted = [item for items in part.lists if items.label.startswith(("Accept", "Done")) for item in items.items]
        texts = [_CHECKBOX.sub("", item.text, count=1) for item in accepted]
        self.entries.append(
            entry(("phases", match[1]), title=match[2], goal=goal, effort=match[3] or "", files=files, acceptance=texts)
        )
        for item, text in zip(accepted, texts, strict=True):
            for name in (code for code in item.codes if code in self.events):
                rest = text.replace(name, "", 1).strip(" :–-")
                self._event(name, {"phase": match[1], "acceptance": rest}, {})

    def _naming(self, part: MarkdownSection) -> None:
        if "naming" not in part.heading.casefold():
            return
        items = [item for items in part.lists for item in items.items]
        section = "properties" if "propert" in part.heading.casefold() else "events"
        rule: dict[str, Value] = {}
        for item in items:
            text = item.text.casefold()
            for case in CASES:
                if case.casefold() in text:
                    rule.setdefault("case", case)
            if "past tense" in text:
                rule.setdefault("tense", "past")
            if "present tense" in text or "ongoing" in text:
                if words := [code for code in item.codes if code.endswith("ing")]:
                    rule.setdefault("ongoing", words)
                elif "tense" not in rule and "ongoing" not in text:
                    rule["tense"] = "present"
        if rule:
            guesses = {"": f"from {part.heading!r}"}
            self.entries.append(DraftEntry(("naming", section), rule, guesses))
        for item in items:
            if match := _SCOPE.search(item.text):
                self._scope(match[2], match[1])

    def _scope(self, scope: str, name: str) -> None:
        self.entries.append(entry(("scopes", scope), requires=[name]))
        self._register(_registry_entry(name, {}, {}))
        for event, values in self.events.items():
            listed = values.get("properties")
            if isinstance(listed, list) and name in listed:
                self._event(event, {"scope": scope}, {"scope": f"it has {name}"})


def _stems(text: str) -> set[str]:
    return {stem(word) for word in words_of(text) if word not in _GENERIC and len(word) > 2}


def _has(part: MarkdownSection, *words: str) -> bool:
    text = " ".join((part.heading, *part.above[-1:])).casefold()
    return any(word in text for word in words)


def _text(cell: MarkdownCell | None) -> str:
    return cell.text if cell and cell.text not in ("-", "–", "—", "n/a") else ""


def _spelled(cell: MarkdownCell | None) -> str:
    return cell.text if cell else ""


def _sources(cell: MarkdownCell | None) -> list[str]:
    """Files without their lines: `apps/users/signals.py:42`."""
    texts = (cell.codes or [cell.text]) if cell else []
    return list(dict.fromkeys(re.sub(r":\d+(-\d+)?$", "", text) for text in texts if text.strip(" -–—")))


def _section_of_properties(part: MarkdownSection) -> tuple[str, ...]:
    """Return the section of a heading: `Group (Team) Identity` is of the group type team."""
    text = part.heading.casefold()
    if "group" in text or "team" in text or "organization" in text or "account" in text:
        kind = re.search(r"\((\w+)\)", text) or re.search(r"\b(team|organization|account|workspace|company)", text)
        return ("group_properties", kind[1] if kind else "group")
    return ("person_properties",) if "user" in text or "person" in text else ("properties",)


def _moment(header: str) -> str:
    """``target (week 2)`` → ``week 2``."""
    inner = re.search(r"\(([^)]+)\)", header)
    return inner[1] if inner else re.sub(r"^(target|goal)s?\s*", "", header) or "target"


def _target(text: str) -> float | str | None:
    """500 of `500+`; `100%`, also where it says `all`."""
    if text.casefold().startswith(("all ", "every ")):
        return "100%"
    match = _NUMBER.search(text)
    if not match:
        return None
    number = float(re.sub(r"[, ]", "", match[1]))
    plain = int(number) if number.is_integer() else number
    return f"{plain}%" if match[2] else plain


def _measure(text: str) -> str:
    words = text.casefold()
    if "event" in words and "day" in words:
        return "events_per_day"
    if "funnel" in words:
        return "funnel_steps"
    if "propert" in words and ("user" in words or "person" in words):
        return "person_properties"
    if "propert" in words and ("group" in words or "team" in words):
        return "group_properties"
    return "required_properties" if "propert" in words else ""


def _registry_entry(name: str, values: Mapping[str, Value], guesses: Mapping[str, str]) -> DraftEntry:
    """A property with what was said of it, or with what its name speaks of."""
    if values:
        return entry(("properties", name), guesses, **{"unit": unit_of_name(name) or "", **values})
    kind = type_of_name(name)
    return entry(("properties", name), {"type": "by its name"}, type=kind or "", unit=unit_of_name(name) or "")
