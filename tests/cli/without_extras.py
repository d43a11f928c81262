"""Runs commands in a process that misses the modules of extras, and prints how each ends, as lines of JSON.

The first argument has the extras that are there, the others are commands; without any it runs every one.
"""

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from usertrack.core.errors import _EXTRAS

for extra, modules in _EXTRAS.items():
    if extra not in sys.argv[1].split(","):
        sys.modules.update(dict.fromkeys(modules))  # None: cannot be imported

from usertrack.cli.app import run, whole_command_line  # noqa: E402 - which may not load what is taken away above

SAMPLES = {"file": "events.csv", "path": "events.csv", "integer": "1", "float": "1", "boolean": "true"}


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))
    if not hasattr(command, "commands"):
        yield (*path, *(word for parameter in command.params for word in sample(parameter)))


def sample(parameter: Any) -> list[str]:
    if not parameter.required:
        return []
    choices = getattr(parameter.type, "choices", None)
    value = str(getattr(choices[0], "value", choices[0])) if choices else SAMPLES.get(parameter.type.name, "python")
    return [value] if parameter.param_type_name == "argument" else [parameter.opts[0], value]


def main() -> None:
    Path("events.csv").write_text("event,distinct_id,timestamp\nseen,ada,2026-11-20T09:00:00Z\n")
    asked = [tuple(command.split()) for command in sys.argv[2:]]
    for words in asked or commands(whole_command_line()):
        sys.argv = ["usertrack", *words]
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
            code = run()
        sys.stdout.write(json.dumps([" ".join(words), code, said.getvalue()]) + "\n")


main()
