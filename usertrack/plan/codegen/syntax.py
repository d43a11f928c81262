"""The interface of a language for the generated code, and texts as literals and comments: they stay data."""

import json
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from usertrack.plan.model import PlannedProperty

_WIDTH = 110  # columns of text: with its indent it stays within 120
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,14}")


@dataclass(frozen=True)
class Syntax:
    """The way in which a language writes what the plan says.

    ``literal``: a text in quotes. ``type_of``: the type of a property's values. ``is_field``: whether a property's name
    goes without quotes. ``comment``: sentences, each beginning a line, as documentation at an indent. ``deprecated``
    is the word for what is no longer to be sent.
    """

    literal: Callable[[str], str]
    type_of: Callable[[PlannedProperty], str]
    is_field: Callable[[str], bool]
    comment: Callable[[Sequence[str], int], str]
    deprecated: str


def literal(text: str, escape: Callable[[int], str]) -> str:
    """``text`` in double quotes. What is not seen, such as a mark of direction, is written as ``escape`` of it."""
    return visible(json.dumps(text, ensure_ascii=False), escape)


def values(planned: PlannedProperty, quote: Callable[[str], str]) -> list[str]:
    """The values of an enum as code, each once; none where a type cannot list them."""
    match planned.type:
        case "string" | "list" | None:
            return [quote(value) for value in dict.fromkeys(planned.values)]
        case "integer" if all(_INTEGER.fullmatch(value) for value in planned.values):
            return list(dict.fromkeys(planned.values))
    return []


def visible(text: str, escape: Callable[[int], str]) -> str:
    return "".join(character if character.isprintable() else escape(ord(character)) for character in text)


def lines(text: str) -> list[str]:
    """The words of ``text`` in lines; any white space is one space."""
    return textwrap.wrap(" ".join(text.split()), _WIDTH, break_long_words=False, break_on_hyphens=False)
