"""Options that every command has, declared once and passed to it as one `Common`."""

import functools
import inspect
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from usertrack.cli import complete
from usertrack.cli.common import Common
from usertrack.cli.pager import paging

_PANEL = "Options of every command"


def _require_writable(context: typer.Context, output: Path | None) -> Path | None:
    """Tell of a file that cannot be written before anything is asked; not while a shell completes a line."""
    if output is not None and not context.resilient_parsing:
        from usertrack.cli.output import require_writable

        require_writable(output)
    return output


Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        "-f",
        metavar="FORMAT",
        autocompletion=complete.formats,
        help="table, json, jsonl, csv, tsv, markdown, html, parquet or xlsx.",
        rich_help_panel=_PANEL,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write all rows to this file; its ending sets the format.",
        callback=_require_writable,
        rich_help_panel=_PANEL,
    ),
]
_FIELDS: dict[str, Any] = {
    "workspace": Annotated[
        Path | None,
        typer.Option(
            "--workspace",
            "-w",
            help="Folder with usertrack.yaml; default: this folder or one above it.",
            rich_help_panel=_PANEL,
        ),
    ],
    "profile": Annotated[
        str | None,
        typer.Option(
            "--profile",
            metavar="PROFILE",
            help="Ask the project and database of this profile, which `usertrack login` stored.",
            rich_help_panel=_PANEL,
        ),
    ],
    "demo": Annotated[
        bool, typer.Option("--demo", help="Use the demo data, whatever is configured.", rich_help_panel=_PANEL)
    ],
    "as_of": Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="TIME",
            help="Answer as of this moment instead of now: 2026-11-20T09:00, or 2026-11-20 for the end of that day.",
            rich_help_panel=_PANEL,
        ),
    ],
    "timezone": Annotated[
        str | None,
        typer.Option(
            "--timezone",
            metavar="ZONE",
            help="Times are in this timezone, such as Europe/Berlin.",
            rich_help_panel=_PANEL,
        ),
    ],
    "format": Format,
    "output": Output,
    "refresh": Annotated[
        bool, typer.Option("--refresh", help="Always ask the sources, not the cache.", rich_help_panel=_PANEL)
    ],
    "max_age": Annotated[
        str | None,
        typer.Option(
            "--max-age",
            metavar="AGE",
            help="Use answers from the cache that are not older: 30m, 2h, 1d.",
            rich_help_panel=_PANEL,
        ),
    ],
    "offline": Annotated[
        bool, typer.Option("--offline", help="Use only the cache, however old.", rich_help_panel=_PANEL)
    ],
}
_OF_READING: dict[str, Any] = {
    "no_pager": Annotated[
        bool,
        typer.Option("--no-pager", help="Never show a long answer in a pager (PAGER).", rich_help_panel=_PANEL),
    ],
}
_DEFAULTS = {"no_pager": False, **vars(Common())}


def with_common(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command(…, common)``, which only reads, the options of every command, after its own."""

    def run(values: dict[str, Any], common: Common) -> None:
        no_pager = values.pop("no_pager")
        with nullcontext() if no_pager else paging():
            command(**values, common=_with_purpose(common, command, values))

    return _with_options(command, _FIELDS | _OF_READING, run)


def with_common_once(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that changes something, or asks, the same options, without those that only reading has."""

    def run(values: dict[str, Any], common: Common) -> None:
        command(**values, common=_with_purpose(common, command, values))

    return _with_options(command, _FIELDS, run)


def _with_purpose(common: Common, command: Callable[..., None], values: dict[str, Any]) -> Common:
    return replace(common, purpose=f"{command.__name__} {sorted(values.items())}")


def call_plainly(command: Callable[..., None], **values: Any) -> None:  # noqa: ANN401
    """Call a command as if without options, but for ``values``."""
    defaults = {name: option.default for name, option in inspect.signature(command).parameters.items()}
    command(**(defaults | values))


def _with_options(
    command: Callable[..., None], options: dict[str, Any], run: Callable[[dict[str, Any], Common], None]
) -> Callable[..., None]:
    """``command`` with ``options`` after its own; ``run`` gets the values of all but those that make a `Common`."""

    @functools.wraps(command)
    def wrapper(**values: Any) -> None:  # noqa: ANN401
        run(values, Common(**{name: values.pop(name) for name in _FIELDS}))

    own = inspect.signature(command)
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=_DEFAULTS[name], annotation=annotation)
        for name, annotation in options.items()
    ]
    parameters = [p for p in own.parameters.values() if p.name != "common"]
    for parameter in [*parameters, *shared]:
        complete.offer_names(parameter)
    wrapper.__signature__ = own.replace(parameters=[*parameters, *shared])  # type: ignore[attr-defined]
    wrapper.__annotations__ = {p.name: p.annotation for p in [*parameters, *shared]}
    return wrapper


Limit = Annotated[
    int | None,
    typer.Option("--limit", "-n", min=0, help="How many rows; 0: all. Files and data formats have all by default."),
]
Params = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", metavar="NAME=VALUE", help="A value for a parameter; may be repeated."),
]
Pseudonyms = Annotated[
    bool, typer.Option("--pseudonyms", help="Replace each e-mail by a pseudonym, the same every time.")
]
AllMembers = Annotated[bool, typer.Option("--all-members", help="Also people who are in a more urgent segment.")]
By = Annotated[
    str | None,
    typer.Option("--by", metavar="organization", help="Judge organizations instead of people.", show_default=False),
]
SetName = Annotated[str, typer.Option("--set", help="Which set of segments.", autocompletion=complete.sets)]
AnySetName = Annotated[
    str | None,
    typer.Option("--set", help="Which set of segments.", show_default="action", autocompletion=complete.sets),
]


def subject_of(by: str | None) -> str:
    """``organization``, or empty for people; raises UsageError for anything else."""
    from usertrack.core.errors import UsageError
    from usertrack.segments.keys import ORGANIZATION

    if by not in (None, ORGANIZATION):
        raise UsageError(f"there is no --by {by}", f"it takes {ORGANIZATION}; without it, people are judged")
    return by or ""


def parse_params(options: list[str] | None) -> dict[str, str]:
    """``name=value`` options as a dict; raises UsageError."""
    from usertrack.core.errors import UsageError

    pairs = {}
    for item in options or []:
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise UsageError(f"'--param {item}' is not NAME=VALUE", "write for example `--param days=7`")
        pairs[name] = value
    return pairs
