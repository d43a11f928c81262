"""Writes docs/cli.md from the commands themselves: `python scripts/cli_docs.py`.

The page is the help of every command. It does not depend on the terminal, its width, the timezone or the clock.
"""

from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from usertrack.cli.app import whole_command_line

PAGE = Path(__file__).parent.parent / "docs" / "cli.md"

HEAD = """\
# Commands

Generated from the help of the commands; `python scripts/cli_docs.py` writes it anew.

`usertrack COMMAND --help` says the same in the terminal. What a command prints, its exit code and its file formats are
described in [output](guide/output.md).
"""


def page() -> str:
    """The whole page in Markdown."""
    root = whole_command_line()
    panels: dict[str, dict[str, Any]] = {}
    for name, command in root.commands.items():
        panels.setdefault(command.rich_help_panel, {}).update(_commands(f"usertrack {name}", command))
    commands = {name: command for group in panels.values() for name, command in group.items()}
    shared = _shared(commands.values())
    parts = [HEAD, *(f"- {panel}: {' · '.join(map(_link, group))}" for panel, group in panels.items()), ""]
    for panel, options in shared.items():
        parts += [f"## {panel}\n", *_table(options.values())]
    for name, command in commands.items():
        parts += [f"## {name}\n", *_command(name, command, shared)]
    return "\n".join(parts)


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """The command and those below it, without the groups that run nothing themselves."""
    children = getattr(command, "commands", {})
    if not children or command.invoke_without_command:
        yield name, command
    for child, subcommand in children.items():
        yield from _commands(f"{name} {child}", subcommand)


def _link(name: str) -> str:
    return f"[{name.removeprefix('usertrack ')}](#{_anchor(name)})"


def _anchor(heading: str) -> str:
    return heading.lower().replace(" ", "-")


def _shared(commands: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """Panel → option → what it is, for options that mean the same on every command that has them."""
    shared: dict[str, dict[str, Any]] = {}
    for command in commands:
        for parameter in command.params:
            if parameter.rich_help_panel:
                shared.setdefault(parameter.rich_help_panel, {}).setdefault(_name(parameter), parameter)
    return shared


def _command(name: str, command: Any, shared: dict[str, dict[str, Any]]) -> Iterator[str]:
    sentence, *examples = command.help.split("\n\n")
    arguments = [_argument(parameter) for parameter in command.params if parameter.param_type_name == "argument"]
    yield f"{_line(sentence)}\n\n```text\n{' '.join([name, *arguments])} [OPTIONS]\n```\n"
    if examples:
        yield "\n".join(f"- {_line(example)}" for example in examples) + "\n"
    own = [parameter for parameter in command.params if not parameter.rich_help_panel]
    if own:
        yield from _table(own)
    for panel, options in shared.items():
        names = [_name(parameter) for parameter in command.params if parameter.rich_help_panel == panel]
        if names:
            listed = "all" if len(names) == len(options) else ", ".join(f"`{option}`" for option in names)
            yield f"[{panel}](#{_anchor(panel)}): {listed}.\n"


def _table(parameters: Any) -> Iterator[str]:
    yield "| | |\n| --- | --- |"
    for parameter in parameters:
        spelling = f"`{_spelling(parameter)}`".replace("|", r"\|")
        yield f"| {spelling} | {_meaning(parameter)} |"
    yield ""


def _name(parameter: Any) -> str:
    return str(max(parameter.opts, key=len))


def _argument(parameter: Any) -> str:
    return str(parameter.metavar or f"[{parameter.name.upper()}]")


def _spelling(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return _argument(parameter)
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    return names if parameter.is_flag else f"{names} {_value(parameter)}"


def _value(parameter: Any) -> str:
    """What stands for the value of an option: its own word, its choices, or what kind of value it is."""
    choices = getattr(parameter.type, "choices", None)
    if choices:
        return "|".join(choices)
    return str(parameter.metavar or {"int": "N", "int range": "N", "path": "PATH"}.get(parameter.type.name, "TEXT"))


def _meaning(parameter: Any) -> str:
    text = _line(parameter.help or "").replace("|", r"\|")
    notes = ["required"] if parameter.required and parameter.param_type_name == "option" else []
    low, high = getattr(parameter.type, "min", None), getattr(parameter.type, "max", None)
    if high is not None:
        notes.append(f"{low} to {high}")
    default = parameter.default.value if isinstance(parameter.default, Enum) else parameter.default
    if default not in (None, False, "") and parameter.show_default:
        notes.append(f"default: {default}")
    return f"{text} ({', '.join(notes)})" if notes else text


def _line(text: str) -> str:
    """A text of the help as one line of Markdown."""
    return " ".join(text.split())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
