"""Months of a company in which people fail for reasons of their own, each world after another law; and with an outage.

Nobody has anything to do with anybody else's failures, except in `outage`. Every failure says the same, so that nothing
but the burst test itself stands against a false alarm.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from usertrack.engine.runner import Runner
from usertrack.failures.bursts import Failure, Incident, Stretch, incidents

NOW = datetime(2026, 11, 20, 9)
DAYS = 58  # of history, two thirds of what is looked at lie before the window of 30 days
HOUR = timedelta(hours=1)

Law = Callable[[float, datetime, int], float]
"""The chance that a run fails: of somebody with this own rate, at this time, after so many runs."""


@dataclass(frozen=True)
class Kind:
    """``people`` with 1 to ``runs`` runs each, at any hour if ``nightly``; ``new`` ones came this month."""

    law: Law
    people: int = 500
    runs: int = 79
    nightly: bool = False
    new: bool = False
    rates: tuple[float, ...] = (0.05,)


def _night(at: datetime) -> bool:
    return at.hour < 6


SEVERAL = (0.02, 0.02, 0.05, 0.1, 0.2, 0.8)
KINDS = {
    "steady": Kind(lambda own, at, before: own),
    "several rates": Kind(lambda own, at, before: own, rates=SEVERAL),
    "busy": Kind(lambda own, at, before: own, rates=SEVERAL, people=900, runs=119),
    "nights": Kind(lambda own, at, before: 0.5 if _night(at) else own, nightly=True),
    "first runs": Kind(lambda own, at, before: 0.7 if before < 3 else own, new=True, runs=59),
    "Mondays": Kind(lambda own, at, before: 0.5 if at.weekday() == 0 else own),
    "a mix": Kind(
        lambda own, at, before: min(
            0.95, own * (3 if _night(at) else 1) * (3 if at.weekday() == 0 else 1) * (4 if before < 3 else 1)
        ),
        nightly=True,
        new=True,
        runs=59,
        rates=SEVERAL,
    ),
}

Run = tuple[int, datetime, bool]


def quiet(kind: Kind, luck: random.Random) -> list[Run]:
    """(person, when, failed) of every run, in order of time for each person."""
    runs = []
    for person in range(kind.people):
        own, days = luck.choice(kind.rates), luck.uniform(1, 29) if kind.new else DAYS
        times = sorted(_time(kind, days, luck) for _ in range(luck.randint(1, kind.runs)))
        runs += [(person, at, luck.random() < kind.law(own, at, before)) for before, at in enumerate(times)]
    return runs


def _time(kind: Kind, days: float, luck: random.Random) -> datetime:
    hour = luck.uniform(0, 24) if kind.nightly else min(23.99, max(0.0, luck.gauss(13, 4)))
    day = (NOW - timedelta(days=luck.uniform(0, days))).replace(hour=0, minute=0, second=0, microsecond=0)
    at = day + timedelta(hours=hour)
    return at if at < NOW else at - timedelta(days=1)


def outage(runs: Iterable[Run], start: datetime, hours: int, luck: random.Random, share: float = 0.9) -> list[Run]:
    """The same, but from ``start`` on ``share`` of all runs fail for ``hours``."""
    end = start + hours * HOUR
    return [(who, at, failed or (start <= at < end and luck.random() < share)) for who, at, failed in runs]


def write(connection: psycopg.Connection, runs: Iterable[Run]) -> None:
    """Into the empty tables of the backend."""
    runs = list(runs)
    ids = sorted({who for who, *_ in runs})
    with connection.cursor() as cursor:
        with cursor.copy("COPY wasp_user (id, email) FROM STDIN") as copy:
            for id_ in ids:
                copy.write_row((id_, f"p{id_}@world.example"))
        with cursor.copy("COPY fastapi_user (id, wasp_user_id) FROM STDIN") as copy:
            for id_ in ids:
                copy.write_row((id_, id_))
        with cursor.copy("COPY fastapi_run (user_id, run_state, created_at, run_error_log) FROM STDIN") as copy:
            for who, at, failed in runs:
                copy.write_row((who, "failed" if failed else "completed", at, "boom"))


def alarms(runner: Runner, runs: Iterable[Run]) -> list[Incident]:
    """The incidents that the burst test sees in a month that was written."""
    stretches = [Stretch(*row) for row in runner.table(runner.bind("neon/failure_windows")).rows]
    failures = [Failure("workflow", at, f"p{who}@world.example", "boom") for who, at, failed in runs if failed]
    since = runner.as_of.replace(tzinfo=None) - timedelta(days=30)
    return incidents(stretches, [failure for failure in failures if since < failure.at <= NOW])
