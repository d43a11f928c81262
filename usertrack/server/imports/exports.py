"""The fields of events in JSON lines, as `exports.yaml` has them of services that export such lines."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import yaml

from usertrack.server.hogql.sql import quote


@dataclass(frozen=True)
class Export:
    """The fields of a service: the ``named`` ones by target of the mapping, and name and JSON of ``computed`` ones."""

    named: Mapping[str, str] = field(default_factory=dict)
    computed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


def export_of(names: Collection[str]) -> Export:
    """The fields of the service whose lines have ``names``; none where no service's have them."""
    for service in yaml.safe_load(resources.files(__package__).joinpath("exports.yaml").read_text("utf-8")).values():
        if set(service["marks"]) <= set(names) and not set(service.get("lacks", ())) & set(names):
            targets = service.get("targets", {})
            return Export(
                {target: name for target, name in targets.items() if isinstance(name, str) and name in names},
                {target: _computed(value) for target, value in targets.items() if not isinstance(value, str)},
                tuple(name for name in service.get("left_out", ()) if name in names),
            )
    return Export()


def _computed(value: Any) -> tuple[str, str]:  # noqa: ANN401
    """The name and the JSON of a value that is not one field of the line."""
    if isinstance(value, dict):
        ((name, sql),) = value.items()
        return name, re.sub(r"<([^>]+)>", lambda place: raw_at(*place[1].split(".")), sql)
    found = [raw_at(*name.split(".")) for name in value]
    filled = ", ".join(f"{raw} NOT IN ('', 'null', '\"\"'), {raw}" for raw in found)
    return ", else ".join(value), f"multiIf({filled}, '')"


def raw_at(*path: str) -> str:
    """SQL: the JSON of the field at ``path`` of ``line``; empty where it is missing."""
    return f"JSONExtractRaw(line, {', '.join(map(quote, path))})"


def text_of(raw: str) -> str:
    """SQL: the JSON ``raw`` as text: a string without its quotes, null as the empty text."""
    return f"multiIf(startsWith({raw}, '\"'), JSONExtractString({raw}), {raw} = 'null', '', {raw})"
