"""Adds properties to events that a `tracking.yaml` has. Text is only inserted, and nothing is changed.

What YAML shares between entries (anchors, merge keys) is left alone.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from usertrack.plan.draft.model import Draft
from usertrack.plan.draft.yaml_text import comment, end_of, flow
from usertrack.plan.model import Plan

_GUESS = "came with it, and was not listed"


def new_properties(draft: Draft, plan: Plan) -> dict[str, list[str]]:
    """By event of the plan, the properties that the draft has of it, also under another name, and the plan does not."""
    lacking: dict[str, dict[str, None]] = {}
    for entry in draft.entries:
        event = plan.event_of(entry.path[-1]) if entry.path[0] == "events" else None
        if event is None or not isinstance(entry.value, Mapping):
            continue
        listed = {use.name for use in event.properties}
        proposed = [name for key in ("required", "properties") for name in _names(entry.value.get(key))]
        new = [name for name in proposed if plan.property_aliases.get(name, name) not in listed]
        lacking.setdefault(event.name, {}).update(dict.fromkeys(new))
    return {event: list(names) for event, names in lacking.items() if names}


def _names(value: Any) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list | tuple) else []


@dataclass(frozen=True)
class _Insertion:
    """``text`` goes in at a place; ``is_line``: as a line of its own, before the one that has the number."""

    line: int
    column: int
    text: str
    is_line: bool = False


def extended(
    root: Any, lines: Sequence[str], newline: str, properties: Mapping[str, Sequence[str]]
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


def _insertions(name: Any, event: Any, new: Sequence[str], lines: Sequence[str]) -> Iterator[_Insertion]:
    """What the event with the nodes ``name`` and ``event`` needs to have the ``new`` properties."""
    import yaml

    texts = ", ".join(flow(each) for each in new)
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
        for each in new:
            line = f"{' ' * pair[1].start_mark.column}- {flow(each)}{guess}"
            yield _Insertion(end_of(pair[1], lines), 0, line, is_line=True)


def _within(node: Any, text: str, last: Any) -> _Insertion:
    """Behind the last item in braces or brackets, or behind the opening one."""
    if last is None:
        return _Insertion(node.start_mark.line, node.start_mark.column + 1, text)
    return _Insertion(last.end_mark.line, last.end_mark.column, f", {text}")


def _pair(node: Any, key: str) -> tuple[Any, Any] | None:
    """The nodes of ``key`` and its value in a mapping; None where there is no such."""
    pairs = node.value if getattr(node, "id", "") == "mapping" else []
    return next((pair for pair in pairs if str(pair[0].value) == key), None)


def _is_shared(event: Any, counts: Mapping[int, int]) -> bool:
    """Whether the event, or a part of it (an anchor's, or what a merge key brought), is elsewhere as well."""
    parts = [each for pair in event.value for each in pair] if getattr(event, "id", "") == "mapping" else []
    return any(counts[id(node)] > 1 for node in (event, *parts))
