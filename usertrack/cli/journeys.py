"""`usertrack journeys`: its options into one question."""

from typing import Annotated

import typer

from usertrack.cli.common import Common
from usertrack.cli.filters import PANEL, Filters, emit_analysis, scope_of, with_filters
from usertrack.cli.options import Limit


@with_filters()
def journeys(
    start: Annotated[
        str,
        typer.Option("--from", metavar="PAGE", help="Only from when somebody first is there in a session."),
    ] = "",
    goal: Annotated[
        str, typer.Option("--to", metavar="PAGE|EVENT", help="Only until somebody gets there, and who does.")
    ] = "",
    steps: Annotated[int, typer.Option("--steps", metavar="COUNT", help="How many steps to look at, 2 to 20.")] = 5,
    by: Annotated[
        str,
        typer.Option("--by", help="What a step is: page, or event, of which PostHog's own ($…) are none unless named."),
    ] = "page",
    urls: Annotated[bool, typer.Option("--urls", help="Pages are whole addresses, as in PostHog's own paths.")] = False,
    limit: Limit = None,
    *,
    filters: Filters,
    common: Common,
) -> None:
    """Which way people take: what they do first and next, where they come in, and where they leave.

    `usertrack journeys` · the first five pages of every session

    `usertrack journeys --from /pricing --to user_signed_up` · who of those who saw the prices signs up, and how

    `usertrack journeys --by event --to mcp_connect_clicked --segment power`

    `usertrack journeys --to user_signed_up --days 90 --interval week` · and how many do, week by week

    `usertrack journeys -o journeys.html` · as a drawing
    """
    from usertrack.cli.session import open_session
    from usertrack.product.journeys.numbers import By, ask, page_of
    from usertrack.product.journeys.numbers import JourneysQuery as Question
    from usertrack.product.journeys.view import journeys_document
    from usertrack.product.scope import one_of

    kind = one_of(by, By, "--by")
    if kind == "page":
        start, goal = page_of(start, urls=urls), page_of(goal, urls=urls)
    with open_session(common) as session:
        patterns, periods = tuple(session.settings["pages"]), filters.interval is not None
        question = Question(start, goal, steps, kind, urls, patterns, periods)
        scope = scope_of(session, filters)
        emit_analysis(session, scope, journeys_document(ask(session.runner, question, scope), limit), limit)


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL)(journeys)
