"""How fast patterns go through history, beside a bare loop and SQL window functions, and what they remember of people.

Prints a table with ratios; asserts nothing but that SQL comes to the same. `--events 1e6 --people 20000`.
"""

import gc
import random
import time
from collections import deque
from collections.abc import Callable, Sequence

from usertrack.signals.occurrence import NOTHING, Occurrence

START = 1_795_000_000.0
DAYS = 30
_NAMES = ["$autocapture"] * 50 + ["$pageview"] * 25 + ["feature_used"] * 14 + ["page_time"] * 10 + ["$pageleave"]
_ROUTES = [f"/{name}" for name in ("home", "runs", "runs/:id", "tools", "settings", "billing", "team", "new")]
_CLICK, _ERROR = {"event_type": "click"}, {"message": "TypeError: x is undefined"}


def world(events: int, people: int, seed: int = 0) -> list[Occurrence]:
    """Sessions of some 25 events, each 5 to 60 s after the one before, of ``people`` over 30 days; oldest first."""
    pick, occurrences = random.Random(seed), []
    while len(occurrences) < events:
        person, session = f"person-{pick.randrange(people)}", f"session-{len(occurrences)}"
        at, route = START + pick.random() * DAYS * 86_400, pick.choice(_ROUTES)
        for _ in range(pick.randint(5, 45)):
            name = pick.choice(_NAMES)
            if pick.random() < 0.004:
                name = pick.choice(["$exception", "$rageclick"])
            if name == "$pageview":
                route = pick.choice(_ROUTES)
            more = _CLICK if name == "$autocapture" else _ERROR if name == "$exception" else NOTHING
            uuid = f"event-{len(occurrences)}"
            occurrences.append(Occurrence(at, uuid, name, person, person, session, session, route, more))
            at += pick.uniform(5, 60)
    return sorted(occurrences[:events])


def bare_loop(occurrences: Sequence[Occurrence]) -> int:
    """Two patterns, written by hand: more than three errors in five minutes, and nothing for a quarter of an hour."""
    last: dict[str, float] = {}
    errors: dict[str, deque[float]] = {}
    count = 0
    for at, _, name, person, *_ in occurrences:
        if name == "$exception":
            times = errors.setdefault(person, deque())
            times.append(at)
            while times[0] <= at - 300:
                times.popleft()
            count += len(times) > 3
        if at - last.get(person, at) > 900:
            count += 1
        last[person] = at
    return count


def seconds(action: Callable[[], object]) -> float:
    gc.collect()
    began = time.process_time()
    action()
    return time.process_time() - began
