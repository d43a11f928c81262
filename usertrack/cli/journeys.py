"""`usertrack journeys`: the paths of people through pages or events."""

from typing import Annotated

import typer

from usertrack.cli.common import Common
from usertrack.cli.filters import PANEL, emit_analysis, with_filters
from usertrack.cli.options import Limit
from usertrack.reports.filters import Filters, scope_of


@with_filters()
def journeys(
    start: Annotated[
        str,
        typer.Option("--from", metavar="PAGE", help="Start each journey at its first visit of this page."),
    ] = "",
    goal: Annotated[
        str, typer.Option("--to", metavar="PAGE|EVENT", help="End each journey there, and count who gets there.")
    ] = "",
    steps: Annotated[int, typer.Option("--steps", metavar="COUNT", help="How many steps to show, 2 to 20.")] = 5,
    by: Annotated[
        str,
        typer.Option("--by", help="A step is a page, or an event; PostHog's own events ($…) count only if named."),
    ] = "page",
    urls: Annotated[
        bool, typer.Option("--urls", help="Pages are full addresses, as in PostHog's own path insights.")
    ] = False,
    limit: Limit = None,
    *,
    filters: Filters,
    common: Common,
) -> None:
    """The paths that people take: what they do first and next, where they enter, and where they leave.

    `usertrack journeys` · the first five pages of every journey

    `usertrack journeys --from /pricing --to user_signed_up` · how many who saw the prices sign up, and how

    `usertrack journeys --by event --to mcp_connect_clicked --segment power`

    `usertrack journeys --to user_signed_up --days 90 --interval week` · also by week

    `usertrack journeys -o journeys.html` · as a drawing
    """
    from usertrack.cli.session import open_session
    from usertrack.product.journeys.numbers import By, JourneysQuery, ask, page_of
    from usertrack.product.journeys.view import journeys_document
    from usertrack.product.scope import one_of

    kind = one_of(by, By, "--by")
    if kind == "page":
        start, goal = page_of(start, urls=urls), page_of(goal, urls=urls)
    with open_session(common) as session:
        patterns, periods = tuple(session.settings["pages"]), filters.interval is not None
        question = JourneysQuery(start, goal, steps, kind, urls, patterns, periods)
        scope = scope_of(session, filters)
        emit_analysis(session, scope, journeys_document(ask(session.runner, question, scope), limit), limit)


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL)(journeys)
