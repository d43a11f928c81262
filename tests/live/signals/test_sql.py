"""The engine and SQL's window functions come to the same."""

from pathlib import Path
from random import Random

import pytest

from tests.live.signals.events import START, event, patterns_of
from usertrack.core.spool import connect
from usertrack.live.signals.engine import Engine
from usertrack.live.signals.occurrence import Occurrence

RULES = """
errors: {when: {count: $exception, more_than: 3, within: 5m}}
quiet: {when: {none: any, within: 15m}}
"""
COUNTED = """
WITH counted AS (
    SELECT *, count(*) FILTER (name = '$exception') OVER (
        PARTITION BY person ORDER BY ticks RANGE BETWEEN 307199 PRECEDING AND CURRENT ROW
    ) AS errors
    FROM events
), exceptions AS (
    SELECT *, lag(ticks) OVER (PARTITION BY person ORDER BY ticks) AS before, errors AS now,
        -- when it would have ended: five minutes after the fourth last
        lag(ticks, 3) OVER (PARTITION BY person ORDER BY ticks) + 307200 AS ends
    FROM counted WHERE name = '$exception'
), firing AS (
    SELECT *, coalesce(lag(CASE WHEN now > 3 THEN ends END) OVER (PARTITION BY person ORDER BY ticks), 0) AS until
    FROM exceptions
)
SELECT person, ticks FROM firing WHERE now > 3 AND until <= ticks ORDER BY ALL
"""
QUIET = """
SELECT person, ticks + 921600 FROM (
    SELECT *, lead(ticks) OVER (PARTITION BY person ORDER BY ticks) AS next FROM events
) WHERE coalesce(next, 1e18) >= ticks + 921600 ORDER BY ALL
"""


def _events(count: int) -> list[Occurrence]:
    """Of some people, in a few hours: exceptions and others, no two of one person at the same ticksecond."""
    pick, people = Random(14), 25
    ticks = sorted(pick.sample(range(count * 2000), count))
    names = ["$exception", "$pageview", "$autocapture"]
    return [
        event(at / 1024, pick.choice(names), f"p{pick.randrange(people)}", session="", uuid=str(at)) for at in ticks
    ]


@pytest.mark.parametrize("count", [5000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_the_engine_says_what_window_functions_say(tmp_path: Path, count: int) -> None:
    events = _events(count)
    engine = Engine(patterns_of(tmp_path, RULES))
    signals = engine.run(events)
    engine.advance(events[-1].at + 1000)
    signals += engine.taken()
    path = tmp_path / "events.csv"
    rows = (f"{each.person},{each.name},{round((each.at - START) * 1024)}\n" for each in events)
    path.write_text("person,name,ticks\n" + "".join(rows))
    database = connect()
    database.execute(f"CREATE TABLE events AS FROM read_csv('{path}')")
    for pattern, sql in (("errors", COUNTED), ("quiet", QUIET)):
        firing = sorted(
            (each.person, round((each.at.timestamp() - START) * 1024))
            for each in signals
            if each.pattern == pattern and each.state == "firing"
        )
        expected = [(person, int(ticks)) for person, ticks in database.execute(sql).fetchall()]
        assert firing
        assert firing == sorted(expected)
