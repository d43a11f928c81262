"""How active people are, and their sessions."""

import typer

from usertrack.cli.analytics import PANEL, Asked, frame_of, with_asked
from usertrack.cli.options import Common, Limit


@with_asked("interval")
def activity(limit: Limit = None, *, asked: Asked, common: Common) -> None:
    """How active people are: DAU, WAU and MAU, who came and went, sessions, engagement, and when in the week.

    `usertrack activity` · the last 30 days beside the 30 before

    `usertrack activity --segment power --days 90`

    `usertrack activity --breakdown person.plan --since 2026-09-01 -o activity.csv`
    """
    from usertrack.analytics.activity import ask
    from usertrack.cli.desk import open_desk
    from usertrack.report.activity import activity_document

    with open_desk(common) as desk:
        desk.emit(activity_document(ask(desk.runner, frame_of(desk, asked))), limit)


@with_asked("interval", "week_start")
def sessions(limit: Limit = None, *, asked: Asked, common: Common) -> None:
    """Sessions: how many, how long, and on which devices, browsers, systems and in which countries.

    `usertrack sessions` · the last 30 days beside the 30 before

    `usertrack sessions --where "properties.$host = 'app.example.com'" --breakdown '$referring_domain'`
    """
    from usertrack.analytics.sessions import ask
    from usertrack.cli.desk import open_desk
    from usertrack.report.sessions import sessions_document

    with open_desk(common) as desk:
        desk.emit(sessions_document(ask(desk.runner, frame_of(desk, asked))), limit)


def register(app: typer.Typer) -> None:
    for command in (activity, sessions):
        app.command(rich_help_panel=PANEL)(command)
