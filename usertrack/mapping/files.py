"""Writes what was agreed on: ``tables/neon/<entity>.sql`` and the setting ``tables``. No edited file is touched."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from usertrack.core.errors import UsageError
from usertrack.core.source_names import TABLES
from usertrack.library.events import NONE
from usertrack.mapping.proposal import Proposal
from usertrack.render.safe import visible

_PLAIN = re.compile(r"[A-Za-z][A-Za-z_]*$|[0-9]+$")
_YAML_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


@dataclass(frozen=True)
class Written:
    """A file, and what became of it: written, unchanged, or left because it differs from what would be written."""

    path: Path
    outcome: str


def entity_text(proposal: Proposal) -> str:
    """The file of an entity: a header, why it is so, and the SELECT."""
    kind, table = proposal.kind, proposal.table
    lines = [
        f"title: {kind.name.replace('_', ' ').capitalize()}",
        "about: >",
        f"  {kind.about[0].upper()}{kind.about[1:]}, of {visible(table.label)}.",
    ]
    lines += [f"# why: {visible(reason)}" for reason in proposal.reasons]
    lines += [f"# {visible(note)}" for note in proposal.remarks]
    if proposal.states:
        lines += [
            "states:",
            *(f"  {state}: [{', '.join(map(_word, words))}]" for state, words in proposal.states.items()),
        ]
    lines += [f"same_as: [{', '.join(map(_word, proposal.same_as))}]"] if proposal.same_as else []
    lines += [f"timezone: {proposal.timezone}"] if proposal.timezone else []
    header = "\n".join(f"-- {line}" for line in lines)
    missing = proposal.not_found
    rest = ["-- Not found, and unknown until it stands in the SELECT:"] if missing else []
    rest += [f"--     ? AS {column.name}{'  (needed)' * column.required}: {column.about}" for column in missing]
    return "\n".join([header, proposal.sql, *rest, ""])


def _word(label: str) -> str:
    """``label`` in YAML: a number or a plain word as it is, else in quotes."""
    return label if _PLAIN.match(label) and label.lower() not in _YAML_WORDS else json.dumps(label, ensure_ascii=False)


DRAFT = ".draft"
"""What the name of a file ends with that lacks a needed column: nothing reads it until it is renamed."""


def write_entities(folder: Path, proposals: Sequence[Proposal], drafts: Sequence[Proposal] = ()) -> list[Written]:
    """Write a file for each proposal below ``folder``, and one for each of the ``drafts``, which lack something.

    Raises UsageError where it cannot.
    """
    paths = {f"{proposal.kind.name}.sql": proposal for proposal in proposals}
    paths |= {f"{draft.kind.name}.sql{DRAFT}": draft for draft in drafts}
    return [write_new(folder / TABLES / name, entity_text(proposal)) for name, proposal in paths.items()]


def write_new(path: Path, text: str, *, replaceable: Collection[str] = ()) -> Written:
    """Write ``text`` unless there is a file; one that reads as one of ``replaceable`` was edited by nobody."""
    try:
        if path.exists():
            before = path.read_text(encoding="utf-8")
            if before == text:
                return Written(path, "unchanged")
            if before not in replaceable:
                return Written(path, "left")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot write {path} ({type(error).__name__})", "choose another folder") from error
    return Written(path, "written")


def add_internal(path: Path, rules: Sequence[str]) -> Written:
    """Say in ``usertrack.yaml`` which domains and e-mails are those of your own people."""
    before = path.read_text(encoding="utf-8")
    line = f"internal: [{', '.join(map(json.dumps, rules))}]  # your own people, who are left out of every answer"
    return _append(path, before, "internal", line, rules)


def add_none(path: Path, key: str, source: str) -> Written:
    """Say in ``usertrack.yaml`` that the company has no ``key`` at all, because ``source`` is not connected."""
    before = path.read_text(encoding="utf-8")
    line = f"{key}: {NONE}"
    if line in before:
        return Written(path, "unchanged")
    return _append(
        path, before, key, f"{line}  # {source} is not connected: without this line, what needs it is unknown"
    )


def take_none_away(path: Path, key: str) -> None:
    """Take out the line that `add_none` wrote, now that there is such a source."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    after = re.sub(rf"\n?^{key}: {NONE}  # \w+ is not connected: .*\n", "", before, flags=re.MULTILINE)
    if after != before:
        path.write_text(after, encoding="utf-8")


_SECTIONS = {
    "tables": "what is not here: what rests on it is left out",
    "labels": "a guess from the names of your tables: what these are called here",
    "events": "what the library calls them, and what they are called here",
}
"""The sections of usertrack.yaml that `init` writes, each with its comment."""


def add_section(path: Path, key: str, values: Mapping[str, str]) -> Written:
    """Append a section to usertrack.yaml, unless somebody wrote one ``key``, who knows better."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = [f"{key}:  # {_SECTIONS[key]}", *(f"  {name}: {_word(value)}" for name, value in values.items())]
    return _append(path, before, key, "\n".join(lines), values)


def _append(path: Path, before: str, key: str, section: str, values: Collection[str] = (NONE,)) -> Written:
    import yaml

    document = yaml.safe_load(before)
    present = document.get(key) if isinstance(document, dict) else None
    if present is not None or not values:
        return Written(path, "left" if set(values) - set(present or {}) else "unchanged")
    gap = "" if not before or before.endswith("\n\n") else "\n" if before.endswith("\n") else "\n\n"
    path.write_text(f"{before}{gap}{section}\n", encoding="utf-8")
    return Written(path, "written")
