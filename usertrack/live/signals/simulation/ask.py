"""Asks the sources what a simulation needs, and runs it: what the patterns would have sent in the last days."""

from datetime import timedelta
from itertools import chain, islice

from usertrack.core.document import Document
from usertrack.core.notify import Notify
from usertrack.engine.runner import Runner
from usertrack.live.signals.patterns import Patterns
from usertrack.live.signals.profiled import read_audience
from usertrack.live.signals.reader import history
from usertrack.live.signals.simulation.deliveries import with_one_channel
from usertrack.live.signals.simulation.numbers import WARM_UP, simulate
from usertrack.live.signals.simulation.outcomes import back_test
from usertrack.live.signals.simulation.view import simulation_document
from usertrack.live.signals.simulation.wanted import OutcomeText
from usertrack.segments.rules import Rules

STAGES = ("reading who people are", "reading events", "running the patterns")
"""What `ask_simulation` notifies of, in order."""


def ask_simulation(  # noqa: PLR0913
    runner: Runner,
    rules: Rules,
    patterns: Patterns,
    wanted: OutcomeText,
    days: int,
    *,
    with_curve: bool = False,
    notify: Notify,
) -> Document:
    """The answer; ``rules`` are those of people, as they apply here. Raises a UsertrackError."""
    settings = patterns.notifications
    if not settings.channels:  # nobody is told yet
        settings = with_one_channel(settings)
    notify(STAGES[0], passing=True)
    audience = read_audience(runner, rules, wanted.asking(patterns))
    until = runner.as_of
    since = until - timedelta(days=days)
    notify(STAGES[1], passing=True)
    occurrences = history(runner, since - WARM_UP, until)
    noted = wanted.events(runner.settings)
    first = list(islice(occurrences, 1))
    notify(STAGES[2], passing=True)
    events = chain(first, occurrences)
    simulation = simulate(patterns, audience, settings, events, since, until, noted=noted, with_curve=with_curve)
    tests = back_test(simulation, wanted.outcome(simulation, audience))
    return simulation_document(simulation, tests, runner.settings["timezone"], audience.notes)
