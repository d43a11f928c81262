"""`usertrack report`: what a week was like, a person or a segment as a file that can be traced and verified."""

from typing import TYPE_CHECKING, Annotated

import typer

from usertrack.cli.options import Common, Limit, SetName, with_common

if TYPE_CHECKING:
    from pathlib import Path

    from usertrack.settings import Settings

report = typer.Typer(
    no_args_is_help=True,
    help="""Reports to pass on: Markdown, HTML or JSON in which every figure names its query.

    `usertrack report weekly -o week.html` · the last week that is over

    `usertrack report verify week.html` · are its figures still what the sources say?""",
)


@report.command("weekly")
@with_common
def weekly(
    week: Annotated[
        str, typer.Option("--week", metavar="WEEK", help="An ISO week such as 2026-W46; default: the last that is over.")
    ] = "",
    set_name: SetName = "action",
    limit: Limit = None,
    *,
    common: Common,
) -> None:
    """What last week was like: segments, who to act on, who came and went, failures, new users, traffic.

    `usertrack report weekly -o week.html` · one file with charts, for mail and print

    `usertrack report weekly --week 2026-W46 -f markdown`
    """
    from usertrack.cli.desk import failures_paths, open_desk
    from usertrack.failures.causes import read_catalogue
    from usertrack.history import place_of
    from usertrack.period import parse_week
    from usertrack.report.weekly import weekly_document
    from usertrack.weekly import Sought, gather

    with open_desk(common) as desk:
        zone = desk.settings["timezone"]
        wanted = parse_week(week, zone, desk.runner.as_of)
        rules = desk.rules()
        place = place_of(desk.settings, desk.runner.now)
        sought = Sought(wanted, rules, rules.set_named(set_name), read_catalogue(failures_paths(desk.settings)), place)
        found = gather(desk.runner, sought, desk.progress.done)
        desk.incomplete = found.incomplete
        desk.emit(weekly_document(found, zone, templates_of(desk.settings), limit), limit)


def templates_of(settings: "Settings") -> "Path | None":
    """The workspace's own templates, where it has any."""
    from usertrack.cli.desk import near

    own = near(settings.root) / "templates" if settings.root else None
    return own if own and own.is_dir() else None


def register(app: typer.Typer) -> None:
    app.add_typer(report, name="report", rich_help_panel="People")
