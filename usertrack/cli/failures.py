"""`usertrack failures`: investigates failed runs and tool calls."""

from typing import Annotated

import typer

from usertrack.cli.common import Common
from usertrack.cli.options import Limit, with_common


@with_common
def failures(
    user: Annotated[
        str | None,
        typer.Option("--user", metavar="EMAIL", help="Only failures of this person, or of the account with this id."),
    ] = None,
    tool: Annotated[
        str | None,
        typer.Option("--tool", metavar="NAME", help="Only tools with this text in their name; no wildcards."),
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="How far to look back.")] = 30,
    limit: Limit = None,
    *,
    common: Common,
) -> None:
    """Which runs and tool calls fail, why, for whom, who should fix it, and whether many fail at once.

    `usertrack failures` · of everybody, with platform incidents

    `usertrack failures --user lena@northwind.example --tool gmail` · only Lena's with Gmail

    `usertrack failures --days 7 -o failures.csv` · one row per fingerprint
    """
    from usertrack.cli import names
    from usertrack.cli.session import open_session
    from usertrack.failures.investigation import Investigation, investigate, spellings_of_account
    from usertrack.failures.view import failures_document

    with open_session(common) as session:
        person = spellings_of_account(session.runner, session.email_of(user)) if user else []
        investigation = investigate(session.runner, person=person, tool=tool or "", days=days)
        if isinstance(investigation, Investigation) and not (user or tool):
            names.keep(session.settings, "tools", investigation.used)
        session.incomplete = isinstance(investigation, Investigation) and bool(investigation.missing)
        session.emit(failures_document(investigation, session.settings["timezone"]), limit)


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel="People")(failures)
