"""Filters of product analytics: the options for time, people and breakdown, the same for every command."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from usertrack.cli import complete
from usertrack.cli.options import with_common
from usertrack.reports.filters import Filters

if TYPE_CHECKING:
    from usertrack.cli.session import Session
    from usertrack.core.document import Document
    from usertrack.product.scope import Scope

PANEL = "Product analytics"
_OPTIONS_PANEL = "Filters"


def _option(*names: str, **more: Any) -> Any:  # noqa: ANN401
    return typer.Option(*names, rich_help_panel=_OPTIONS_PANEL, **more)


_OPTIONS: dict[str, Any] = {
    "since": Annotated[
        str | None,
        _option("--since", metavar="DATE", help="Start of the range; buckets begin at the start of theirs."),
    ],
    "until": Annotated[str | None, _option("--until", metavar="DATE", help="End of the range; default: now.")],
    "days": Annotated[
        int | None,
        _option(
            "--days", min=1, max=3660, help="Range of so many calendar days; the last is today, or that of --until."
        ),
    ],
    "interval": Annotated[
        str | None, _option("--interval", "--period", metavar="UNIT", help="hour, day, week or month.")
    ],
    "week_start": Annotated[
        str | None,
        _option(
            "--week-start",
            metavar="DAY",
            help="monday or sunday; default: `week_start` in usertrack.yaml, else as in PostHog's project, "
            "else monday.",
        ),
    ],
    "segment": Annotated[
        str | None,
        _option(
            "--segment",
            "-s",
            metavar="NAME",
            help="Only people who are in this segment now; SET/NAME where two sets have the name.",
            autocompletion=complete.segments,
        ),
    ],
    "people": Annotated[
        str | None,
        _option(
            "--people",
            metavar="WHO",
            help="all: also anonymous visitors; identified: only persons with an identified profile or an e-mail; "
            "default: `people` in usertrack.yaml, else all.",
        ),
    ],
    "where": Annotated[
        str | None,
        _option("--where", metavar="HOGQL", help="Only events for which this is true: properties.$os = 'Linux'."),
    ],
    "breakdown": Annotated[
        list[str] | None,
        _option(
            "--breakdown",
            "-b",
            metavar="PROPERTY",
            help="Split by this property of events, by person.PROPERTY, session.FIELD, cohort.NAME or $group_0; may be "
            "repeated. A person counts in their first value.",
        ),
    ],
    "top": Annotated[
        int | None,
        _option(
            "--top",
            min=1,
            max=100,
            help="How many values of --breakdown to show, the largest first; default: 5.",
        ),
    ],
}
_DEFAULTS = Filters()


def with_filters(*without: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give ``command(…, filters, common)`` these options, except ``without``, and those of every command."""

    def wrap(command: Callable[..., None]) -> Callable[..., None]:
        options = {name: annotation for name, annotation in _OPTIONS.items() if name not in without}

        @functools.wraps(command)
        def wrapper(**values: Any) -> None:  # noqa: ANN401
            typed = {name: values.pop(name) for name in options}
            if breakdowns := typed.get("breakdown"):
                from usertrack.product.scope import JOINT

                typed["breakdown"] = JOINT.join(breakdowns)
            filters = Filters(**typed)
            command(**values, filters=filters)

        own = inspect.signature(command)
        shared = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=getattr(_DEFAULTS, name), annotation=kind)
            for name, kind in options.items()
        ]
        arguments = [p for p in own.parameters.values() if p.name not in ("filters", "common")]
        wrapper.__signature__ = own.replace(  # type: ignore[attr-defined]
            parameters=[*arguments, *shared, own.parameters["common"]]
        )
        return with_common(wrapper)

    return wrap


def emit_analysis(
    session: "Session", scope: "Scope", document: "Document", limit: int | None = None, extra_notes: Sequence[str] = ()
) -> None:
    """Write an analysis with the notes of its scope, on who has opted out, and ``extra_notes``."""
    from dataclasses import replace

    notes = (*extra_notes, *scope.notes, *session.runner.opted_out.notes())
    data = document.data
    session.emit(
        replace(
            document,
            notes=tuple(dict.fromkeys((*document.notes, *notes))),
            data=data and (lambda: _with_notes(data(), notes)),
        ),
        limit,
    )


def _with_notes(data: dict[str, Any], notes: Sequence[str]) -> dict[str, Any]:
    return data | {"notes": list(dict.fromkeys((*data["notes"], *notes)))}
