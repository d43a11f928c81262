"""`usertrack alerts simulate`: the patterns over the past."""

from datetime import timedelta
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
            help="What came of it: churned, converted, segment:ID or event:NAME.",
            autocompletion=complete.outcomes,
        ),
    ] = "churned",
    within: Annotated[
        str, typer.Option("--within", metavar="TIME", help="How long after an alert to wait for that.")
    ] = "14d",
    curve: Annotated[
        bool, typer.Option("--curve", help="Also with all thresholds halved, times 1.5, doubled and trebled.")
    ] = False,
    limit: Limit = None,
    *,
    common: Common,
) -> None:
    """What the patterns would have sent, to whom, and whether they were right: before anybody is told of anything.

    `usertrack alerts simulate` · the last 30 days

    `usertrack alerts simulate --patterns patterns/seed004.yaml` · other patterns, on the same people

    `usertrack alerts simulate --days 90 --outcome event:subscription_cancelled --curve -o patterns.html`

    It is the engine of `alerts watch` and its rules of grouping, budgets and digests, in virtual time. Nothing is sent.
    """
    from usertrack.cli.session import open_session
    from usertrack.core.words import parse_age
    from usertrack.signals.profiled import read_audience
    from usertrack.signals.read import read_patterns
    from usertrack.signals.reader import history
    from usertrack.signals.simulation.deliveries import with_one_channel
    from usertrack.signals.simulation.numbers import WARM_UP
    from usertrack.signals.simulation.numbers import simulate as run
    from usertrack.signals.simulation.outcomes import back_test
    from usertrack.signals.simulation.view import simulation_document
    from usertrack.signals.simulation.wanted import parse_outcome
    from usertrack.workspace.files import patterns_path

    wanted = parse_outcome(outcome, parse_age(within))
    read = read_patterns(patterns or patterns_path(settings_of(common)))
    with open_session(common) as session:
        runner = session.runner
        settings = read.notifications
        if not settings.routes:  # nobody is told yet
            settings = with_one_channel(settings)
        audience = read_audience(runner, session.rules(), wanted.asking(read))
        until = runner.as_of
        since = until - timedelta(days=days)
        session.progress("reading events", passing=True)
        occurrences = history(runner, since - WARM_UP, until)
        noted = wanted.events(session.settings)
        simulation = run(read, audience, settings, occurrences, since, until, noted=noted, with_curve=curve)
        tests = back_test(simulation, wanted.outcome(simulation, audience))
        session.emit(simulation_document(simulation, tests, session.settings["timezone"], audience.notes), limit)


def register(alerts: typer.Typer) -> None:
    alerts.command("simulate")(simulate)
