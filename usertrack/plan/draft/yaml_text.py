"""Values, comments and places of a YAML file, as text."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import yaml


def end_of(node: "yaml.Node", lines: Sequence[str]) -> int:
    """The number of lines up to the end of a block, without the comments and blanks that follow it."""
    import yaml

    last = node
    while isinstance(last, yaml.MappingNode | yaml.SequenceNode) and last.value and not last.flow_style:
        last = last.value[-1][1] if isinstance(last, yaml.MappingNode) else last.value[-1]
    end = last.end_mark.line + 1
    if isinstance(last, yaml.ScalarNode) and last.style in ("|", ">"):
        end -= last.end_mark.column == 0
        end = without_trailing_blanks(lines[:end])
    return int(end)


def without_trailing_blanks(lines: Sequence[str]) -> int:
    count = len(lines)
    while count and not lines[count - 1].strip():
        count -= 1
    return count


def comment(guess: str) -> str:
    plain = "".join(sign for sign in " ".join(guess.split()) if sign.isprintable())
    return f"  # guess: {plain}" if plain else ""


def flow(value: object) -> str:
    """A value in one line of YAML; a text that reads as a number, a date or `yes` is in quotes."""
    import yaml

    if isinstance(value, str) and re.fullmatch(r"[1-9]\d{0,3}", value):
        return value  # a phase or tier, which may be a number
    plain = _as_plain(value)
    text = yaml.safe_dump(plain, default_flow_style=True, width=1_000_000, allow_unicode=True, sort_keys=False)
    text = text.removesuffix("\n").removesuffix("\n...")
    if text.isprintable():
        return text
    quoted = json.dumps(plain, ensure_ascii=False)  # in one line, but for the line ends that JSON does not know
    return "".join(sign if sign.isprintable() else f"\\U{ord(sign):08x}" for sign in quoted)


def _as_plain(value: object) -> Any:  # noqa: ANN401
    if isinstance(value, Mapping):
        return {key: _as_plain(item) for key, item in value.items()}
    return [_as_plain(item) for item in value] if isinstance(value, list | tuple) else value
