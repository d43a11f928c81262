"""Puts the entries of a draft into a `tracking.yaml`. What is there stays as it is, byte by byte."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usertrack.core.errors import UsageError
from usertrack.core.temporary import temporary_folder, write_whole
from usertrack.plan.draft.model import Draft, DraftEntry, Value
from usertrack.plan.draft.yaml_text import comment, end_of, flow, without_trailing_blanks
from usertrack.plan.entry import PlanFile
from usertrack.plan.model import Plan
from usertrack.plan.read import PLAN_KEYS, read_plan
from usertrack.plan.schema import EDITOR_LINE, SCHEMA_FILE, SCHEMA_TITLE, schema_text

if TYPE_CHECKING:
    import yaml

_GUESS = "came with it, and was not listed"


def new_properties(draft: Draft, plan: Plan) -> dict[str, list[str]]:
    """By event of the plan, the properties that the draft has of it, also under another name, and the plan does not."""
    missing_by_event: dict[str, dict[str, None]] = {}
    for entry in draft.entries:
        event = plan.event_of(entry.path[-1]) if entry.path[0] == "events" else None
        if event is None or not isinstance(entry.value, Mapping):
            continue
        listed = {use.name for use in event.properties}
        proposed = [name for key in ("required", "properties") for name in _names(entry.value.get(key))]
        new = [name for name in proposed if plan.property_aliases.get(name, name) not in listed]
        missing_by_event.setdefault(event.name, {}).update(dict.fromkeys(new))
    return {event: list(names) for event, names in missing_by_event.items() if names}


def _names(value: object) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list | tuple) else []


@dataclass(frozen=True)
class _Insertion:
    """``text`` goes in at a place; ``is_line``: as a line of its own, before the one that has the number."""

    line: int
    column: int
    text: str
    is_line: bool = False


def extended(
    root: "yaml.Node", lines: Sequence[str], newline: str, properties: Mapping[str, Sequence[str]]
) -> tuple[str, list[str]]:
    """The text of a file with these properties of its events, and the events that got theirs.

    ``lines`` keep their ends; ``root`` is the node of all of them.
    """
    events = _pair(root, "events")
    # how often a node is in the file, by its id: a node with an anchor may be there several times
    counts: Counter[int] = Counter()
    nodes = [root]
    while nodes:
        node = nodes.pop()
        counts[id(node)] += 1
        if counts[id(node)] == 1 and isinstance(node.value, list):
            nodes += [part for item in node.value for part in (item if isinstance(item, tuple) else (item,))]
    insertions: list[_Insertion] = []
    done = []
    for event, names in properties.items():
        pair = _pair(events[1], event) if events else None
        new = list(_insertions(*pair, names, lines)) if pair and not _is_shared(pair[1], counts) else []
        insertions += new
        done += [event] if new else []
    # from the last insertion to the first, so that lines and columns stay; a changed line without a comment gets one
    result = list(lines)
    in_order = sorted(enumerate(insertions), key=lambda item: (item[1].line, item[1].column, item[0]), reverse=True)
    for _, insertion in in_order:
        if insertion.is_line:
            if insertion.line and not result[insertion.line - 1].endswith(("\n", "\r")):
                result[insertion.line - 1] += newline
            result.insert(insertion.line, insertion.text + newline)
            continue
        line = result[insertion.line]
        line = line[: insertion.column] + insertion.text + line[insertion.column :]
        bare = line.rstrip("\r\n")
        result[insertion.line] = bare + (comment(_GUESS) if "#" not in bare else "") + line[len(bare) :]
    return "".join(result), done


def _insertions(
    name: "yaml.Node", event: "yaml.Node", new: Sequence[str], lines: Sequence[str]
) -> Iterator[_Insertion]:
    """Return the insertions that give the event with the nodes ``name`` and ``event`` the ``new`` properties."""
    import yaml

    texts = ", ".join(flow(name) for name in new)
    entry, guess = f"properties: [{texts}]", comment(_GUESS)
    if not isinstance(event, yaml.MappingNode):
        if not event.value:  # `signed_up:`
            line = f"{' ' * (name.start_mark.column + 2)}{entry}{guess}"
            yield _Insertion(name.end_mark.line + 1, 0, line, is_line=True)
        return
    pair = _pair(event, "properties")
    if pair is None and event.flow_style:
        yield _within(event, entry, event.value[-1][1] if event.value else None)
    elif pair is None:
        line = f"{' ' * event.start_mark.column}{entry}{guess}"
        yield _Insertion(end_of(event, lines), 0, line, is_line=True)
    elif isinstance(pair[1], yaml.ScalarNode):
        if pair[1].value and pair[1].start_mark.line == pair[1].end_mark.line:
            yield _Insertion(pair[1].start_mark.line, pair[1].start_mark.column, "[")
            yield _Insertion(pair[1].end_mark.line, pair[1].end_mark.column, f", {texts}]")
    elif pair[1].flow_style:
        yield _within(pair[1], texts, pair[1].value[-1] if pair[1].value else None)
    else:
        for text in new:
            line = f"{' ' * pair[1].start_mark.column}- {flow(text)}{guess}"
            yield _Insertion(end_of(pair[1], lines), 0, line, is_line=True)


def _within(node: "yaml.CollectionNode", text: str, last: "yaml.Node | None") -> _Insertion:
    """Behind the last item in braces or brackets, or behind the opening one."""
    if last is None:
        return _Insertion(node.start_mark.line, node.start_mark.column + 1, text)
    return _Insertion(last.end_mark.line, last.end_mark.column, f", {text}")


def _pair(node: "yaml.Node", key: str) -> "tuple[yaml.Node, Any] | None":
    """The nodes of ``key`` and its value in a mapping; None where there is no such."""
    pairs = node.value if getattr(node, "id", "") == "mapping" else []
    return next((pair for pair in pairs if str(pair[0].value) == key), None)


def _is_shared(event: "yaml.Node", counts: Mapping[int, int]) -> bool:
    """Whether the event, or a part of it (an anchor's, or what a merge key brought), is elsewhere as well."""
    parts = [node for pair in event.value for node in pair] if getattr(event, "id", "") == "mapping" else []
    return any(counts[id(node)] > 1 for node in (event, *parts))


_HEAD = f"""{EDITOR_LINE}
# tracking.yaml: what should be tracked, and how it is called. `usertrack plan lint` proves this file, `usertrack plan
# coverage` holds code and data against it. A guess is marked as one: mend it, and take the comment away.
"""
_LINE = re.compile(r"[^\r\n\x85\u2028\u2029]*(?:\r\n|[\r\n\x85\u2028\u2029])|[^\r\n\x85\u2028\u2029]+")
_NESTED = ("scopes", "properties", "person_properties", "naming")  # their entries stand in one line


@dataclass(frozen=True)
class Merge:
    """The result of a merge: the paths of the entries that were ``added``, and how many were there before.

    A property that an event got is a path as well. ``is_new``: the file was not there before.
    """

    added: Sequence[tuple[str, ...]]
    present: int
    is_new: bool


def merge(path: Path, draft: Draft) -> Merge:
    """Write what the draft has and ``path`` has not: entries, and properties of events that are there.

    A new file has a head that explains it. Raises UsageError where the file cannot be read or written; it then is
    unchanged.
    """
    plan = read_plan(path) if path.exists() else None
    file = PlanFile(path) if plan else None
    # in the order of the sections, every entry once
    unique: dict[tuple[str, ...], DraftEntry] = {}
    for entry in draft.entries:
        unique.setdefault(entry.path, entry)
    entries = sorted(unique.values(), key=lambda entry: PLAN_KEYS.index(entry.path[0]))
    new = [entry for entry in entries if plan is None or not _is_present(entry, plan, file.document if file else {})]
    text = path.read_bytes().decode("utf-8") if plan else _HEAD
    missing_by_event = new_properties(draft, plan) if plan else {}
    if file and file.root and missing_by_event:
        mark = "\ufeff" * text.startswith("\ufeff")  # a BOM, which YAML's columns do not count
        newline = "\r\n" if "\r\n" in text else "\n"
        longer, extended_events = extended(file.root, _LINE.findall(text.removeprefix(mark)), newline, missing_by_event)
        text = mark + longer
        missing_by_event = {event: missing_by_event[event] for event in extended_events}
    added = [entry.path for entry in new]
    added += [("events", event, "properties", name) for event, names in missing_by_event.items() for name in names]
    if added or plan is None:
        _replace(path, text, new)
    return Merge(added, len(entries) - len(new), plan is None)


def write_schema(path: Path) -> list[Path]:
    """Write the JSON Schema beside a plan whose first line names it, where it is not there as it is now.

    A file of that name that is something else stays.
    """
    schema = path.parent / SCHEMA_FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        present = schema.read_text(encoding="utf-8", errors="replace") if schema.exists() else ""
        if EDITOR_LINE not in lines[:1] or present == schema_text() or (present and SCHEMA_TITLE not in present):
            return []
        write_whole(schema, schema_text(), 0o666)
    except OSError as error:
        raise UsageError(f"cannot write '{schema}': {error.strerror or error}", "make it writable") from error
    return [schema]


def _is_present(entry: DraftEntry, plan: Plan, document: Mapping[str, object]) -> bool:
    """Whether the file, with these values, has the entry, also under another name."""
    section, name = entry.path[0], entry.path[-1]
    if section == "events":
        return name in plan.event_names or name in plan.replaced_by
    if section == "properties" and any(name in planned.aliases for planned in plan.properties.values()):
        return True
    value: object = document
    for key in entry.path:
        names = {str(name): item for name, item in value.items()} if isinstance(value, dict) else {}
        if isinstance(value, list):
            return True  # of `funnels: [a]`, or of several naming rules
        if key not in names:
            return False
        value = names[key]
    return True


def _replace(path: Path, text: str, entries: Sequence[DraftEntry]) -> None:
    """Write ``text`` with the entries in it, once it has been read back; raises UsageError."""
    path = path.resolve()
    try:
        with temporary_folder(path.parent) as folder:
            draft = folder / path.name
            draft.write_bytes(text.encode())
            for parent, group in groupby(entries, lambda entry: entry.path[:-1]):
                draft.write_bytes(_inserted(draft, parent, list(group)).encode())
            try:
                read_plan(draft)
            except UsageError as error:
                hint = f"nothing was changed; with them: {error.message.removeprefix(str(draft))}"
                raise UsageError(f"{path}: the new entries do not fit in", hint) from error
            if path.exists():
                draft.chmod(path.stat().st_mode)
            os.replace(draft, path)
    except OSError as error:
        raise UsageError(f"cannot write '{path}': {error.strerror or error}", "nothing was changed") from error


def _inserted(path: Path, parent: Sequence[str], entries: Sequence[DraftEntry]) -> str:
    """The text of the file with the ``entries`` of ``parent`` behind the last one that it has."""
    text = path.read_bytes().decode("utf-8")
    mark = "\ufeff" * text.startswith("\ufeff")  # a BOM, which YAML's columns do not count
    lines = _LINE.findall(text.removeprefix(mark))
    newline = "\r\n" if "\r\n" in text else "\n"
    # the node in which the rest of ``parent`` is missing, how many of its names are there, and whether it is in braces
    import yaml

    node: Any = PlanFile(path).root
    depth, in_braces = 0, False
    for key in parent:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        value = next((value for name, value in pairs if name.value == key), None)
        if value is None:
            break
        in_braces = in_braces or bool(node.flow_style)
        node, depth = value, depth + 1
    if node is not None and not isinstance(node, yaml.MappingNode):  # `events:` without a value
        node.value = []
    missing = parent[depth:]
    if node is not None and (in_braces or (node.value and node.flow_style)):
        at, new = _within_braces(node, lines, missing, entries), []
    elif node is not None and not node.value:
        # take the braces out of `events: {}`; the entries follow in the next line
        first, last = node.start_mark, node.end_mark
        line = lines[first.line]
        lines[first.line] = line[: first.column].rstrip() + line[last.column :]
        at, new = int(first.line) + 1, _rendered(missing, entries, 2 * depth)
    elif node is None or not depth:
        at = without_trailing_blanks(lines)
        new = [*([""] if lines else []), *_rendered(missing, entries, 0)]
    else:
        at, new = end_of(node, lines), _rendered(missing, entries, node.start_mark.column)
    if at and not lines[at - 1].endswith(("\n", "\r")):
        lines[at - 1] += newline
    return mark + "".join([*lines[:at], *(line + newline for line in new), *lines[at:]])


def _within_braces(node: "yaml.Node", lines: list[str], missing: Sequence[str], entries: Sequence[DraftEntry]) -> int:
    """Write the entries into `{a: }`, before the brace, or in place of a null; the guesses behind it all."""
    import yaml

    number, end = node.end_mark.line, node.end_mark.column
    line = lines[number]
    named: Value = {entry.path[-1]: entry.value for entry in entries}
    for name in reversed(missing):
        named = {name: named}
    if isinstance(node, yaml.MappingNode):
        head, rest = line[: end - 1].rstrip(), line[end - 1 :]
        before = head.strip() or lines[number - 1].strip()
        new = ("" if before.endswith((",", "{")) else ", ") + flow(named)[1:-1]
    else:
        head, new, rest = line[: node.start_mark.column].rstrip(), f" {flow(named)}", line[end:]
    bare = rest.rstrip()
    guesses = "; ".join(why for entry in entries for why in entry.guesses.values())
    lines[number] = head + new + bare + (comment(guesses) if "#" not in bare else "") + rest[len(bare) :]
    return int(number) + 1


def _rendered(missing: Sequence[str], entries: Iterable[DraftEntry], column: int) -> list[str]:
    """The lines of the entries under those of their parent's names that the file does not have yet."""
    heads = [f"{' ' * (column + 2 * number)}{flow(name)}:" for number, name in enumerate(missing)]
    return [*heads, *(line for entry in entries for line in _lines(entry, column + 2 * len(heads)))]


def _lines(entry: DraftEntry, column: int) -> Iterator[str]:
    is_short = entry.path[0] in _NESTED and len(entry.guesses) <= 1 and len(flow(entry.value)) < 90 - column
    if isinstance(entry.value, Mapping) and not is_short:
        yield f"{' ' * column}{flow(entry.path[-1])}:{comment(entry.guesses.get('', ''))}"
        for key, value in entry.value.items():
            yield from _value_lines(key, value, column + 2, entry.guesses.get(key, ""))
    else:
        yield from _value_lines(entry.path[-1], entry.value, column, " ".join(entry.guesses.values()))


def _value_lines(key: str, value: object, column: int, guess: str) -> Iterator[str]:
    head = f"{' ' * column}{flow(key)}:"
    if isinstance(value, list | tuple) and len(flow(value)) > 100 - column:
        yield head + comment(guess)
        yield from (f"{' ' * column}  - {flow(item)}" for item in value)
    else:
        yield head + ("" if value is None else f" {flow(value)}") + comment(guess)
