"""`usertrack metrics`: the scorecard."""

from typing import Annotated

import typer

from usertrack.cli import complete
from usertrack.cli.common import Common
from usertrack.cli.options import with_common


@with_common
def metrics(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Only these metrics.", autocompletion=complete.metrics),
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="How many whole days to count.")] = 30,
    compare: Annotated[bool, typer.Option("--compare", help="Also show the figures of the period before.")] = False,
    *,
    common: Common,
) -> None:
    """The scorecard: key figures, how good they are, and how they changed since the period before.

    `usertrack metrics` · the last 30 whole days, compared with the 30 before

    `usertrack metrics --days 7 --compare` · both weeks side by side

    `usertrack metrics connect_rate run_success -f json` · two metrics, with intervals and values by day

    A metric is a query with `metric:` in its header; you can add your own. `metrics` in
    usertrack.yaml chooses and orders them.
    """
    from usertrack.cli.session import open_session
    from usertrack.product.scorecard.numbers import listed_metrics, metrics_named, questions, scorecard
    from usertrack.product.scorecard.view import metrics_document

    with open_session(common) as session:
        library = session.runner.library
        names = names or listed_metrics(library, session.settings.values["metrics"])
        session.progress.expect(questions(metrics_named(library, names)))
        result = scorecard(session.runner, names, days=days, done=session.progress.done)
        session.incomplete = result.missing
        session.emit(metrics_document(result, compare=compare))


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel="People")(metrics)
