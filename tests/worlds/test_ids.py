"""`ids`: PostHog alone. People have ids and no e-mail, nothing is a `$pageview`, and most of the log was imported.

The imported file is grouped by person, and all that a person did in a visit has the same second.
"""

import json
from datetime import timedelta

import pytest

from .oracle import SESSIONS, Act, Company, Person
from .walk import Walk
from .world import NOW, Event, World, ago

pytestmark = pytest.mark.slow  # `conftest.FAST` says which worlds everybody walks

STEPS = ["game_opened", "level_started", "level_finished"]
# player: days ago of visits, how many of the steps a visit reaches, whether an exception ended the last one
PLAYERS: dict[str, tuple[list[float], int, bool]] = {
    "p-1001": ([1, 4, 9, 16, 23], 3, True),
    "p-1002": ([2, 3], 3, False),
    "p-1003": ([6, 13], 2, False),
    "p-1004": ([20], 3, False),
    "p-1005": ([28], 1, False),
    "p-1006": ([5], 2, True),
    "p-1007": ([12, 19, 26], 3, False),
    "p-1008": ([35, 42], 1, False),
    "p-1009": ([0.2], 3, False),
    "p-1010": ([8], 1, True),
}


def acts(player: str) -> list[Act]:
    """What a player did, in its order; ties are in the order of the steps."""
    visits, reached, crashed = PLAYERS[player]
    done = [
        Act(ago(days).replace(microsecond=0), name) for days in sorted(visits, reverse=True) for name in STEPS[:reached]
    ]
    return done + ([Act(ago(visits[0]) + timedelta(minutes=1), "$exception")] if crashed else [])


def log() -> str:
    """JSON lines: a person's rows stand together, in their order; who came last stands first."""
    rows = [
        {"user_id": player, "event": act.name, "time": act.at.isoformat(), "level": 3}
        for player in sorted(PLAYERS, key=lambda player: PLAYERS[player][0][0])
        for act in acts(player)
        if act.name != "$exception"
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


def crashes() -> list[Event]:
    return [Event(player, act.name, act.at) for player in PLAYERS for act in acts(player) if act.name == "$exception"]


def company() -> Company:
    people = [Person(player, acts=acts(player)) for player in PLAYERS]
    return Company(NOW, people, has_runs=False)


class TestIds(Walk):
    world = World(
        name="ids",
        log=log(),
        events=crashes(),
        replaced={"segments.yaml": ("key: email", "key: person_id")},
        absent_segments=frozenset({"failing", "high_intent", "power"}),
        refused=frozenset({"failures", "cohorts"}),
        names={
            "query": ["posthog/people"],
            "overview": ["events_overview"],
            "email": ["p-1001"],
            "steps": STEPS,
            "segment": ["frustrated"],
            "features": ["--event", "level_finished"],
        },
        unknown=company().unknown(SESSIONS),
        answers=company().answers(funnel={"steps": company().funnel(STEPS)}),
    )
