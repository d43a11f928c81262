"""`usertrack alerts simulate`: the patterns over the past."""

from pathlib import Path
from typing import Annotated

import typer

from usertrack.cli import complete
from usertrack.cli.common import Common, settings_of
from usertrack.cli.options import Limit, with_common


@with_common
def simulate(
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="How far to look back.")] = 30,
    patterns: Annotated[
        Path | None,
        typer.Option("--patterns", metavar="FILE", help="Other patterns, such as patterns/seed004.yaml."),
    ] = None,
    outcome: Annotated[
        str,
        typer.Option(
            "--outcome",
            metavar="WHAT",
            help="Outcome to look for: churned, converted, segment:ID or event:NAME.",
            autocompletion=complete.outcomes,
        ),
    ] = "churned",
    within: Annotated[
        str, typer.Option("--within", metavar="TIME", help="How long after an alert to wait for the outcome.")
    ] = "14d",
    curve: Annotated[
        bool, typer.Option("--curve", help="Also simulate all thresholds times 0.5, 1.5, 2 and 3.")
    ] = False,
    limit: Limit = None,
    *,
    common: Common,
) -> None:
    """Show what the patterns would have sent, to whom, and whether they were right, before anybody is told.

    `usertrack alerts simulate` · the last 30 days

    `usertrack alerts simulate --patterns patterns/seed004.yaml` · other patterns, on the same people

    `usertrack alerts simulate --days 90 --outcome event:subscription_cancelled --curve -o patterns.html`

    It is the engine of `alerts watch` and its rules of budgets and digests, in virtual time. Nothing is sent.
    """
    from usertrack.cli.session import open_session
    from usertrack.core.words import parse_age
    from usertrack.live.signals.read import read_patterns
    from usertrack.live.signals.simulation.ask import ask_simulation
    from usertrack.live.signals.simulation.wanted import parse_outcome
    from usertrack.workspace.files import patterns_path

    wanted = parse_outcome(outcome, parse_age(within))
    read = read_patterns(patterns or patterns_path(settings_of(common)))
    with open_session(common) as session:
        rules, notify = session.rules(), session.progress
        document = ask_simulation(session.runner, rules, read, wanted, days, with_curve=curve, notify=notify)
        session.emit(document, limit)


def register(alerts: typer.Typer) -> None:
    alerts.command("simulate")(simulate)
