"""How fast patterns go through history, beside a bare loop, and what they remember of people.

    python benchmarks/signals.py [--events 1e6] [--people 5000] [--remembered 100000]

The events are made before the clock starts. Times are of the CPU, which depend less on what else the machine does.
"""

import argparse
import gc
import random
import resource
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from usertrack.library.library import shipped_root
from usertrack.live.signals.engine import Engine
from usertrack.live.signals.garbage import uncollected
from usertrack.live.signals.occurrence import NOTHING, Occurrence
from usertrack.live.signals.patterns import Patterns
from usertrack.live.signals.read import read_patterns
from usertrack.live.signals.state import StateFile

START = 1_795_000_000.0
DAYS = 30
_NAMES = ["$autocapture"] * 50 + ["$pageview"] * 25 + ["feature_used"] * 14 + ["page_time"] * 10 + ["$pageleave"]
_ROUTES = [f"/{name}" for name in ("home", "runs", "runs/:id", "tools", "settings", "billing", "team", "new")]
_CLICK, _ERROR = {"event_type": "click"}, {"message": "TypeError: x is undefined"}


def world(events: int, people: int) -> list[Occurrence]:
    """Sessions of some 25 events, each 5 to 60 s after the one before, of ``people`` over 30 days; oldest first."""
    pick, occurrences = random.Random(0), []
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


def megabytes() -> float:
    """The memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def remembered(people: int) -> float:
    """Megabytes that an engine takes for ``people`` with a session of twenty events each, in a process of its own."""
    code = f"import benchmarks.signals as own; own.fill({people})"
    root = Path(__file__).parents[1]
    answer = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    return float(answer.stdout)


def fill(people: int) -> None:
    """Print by how many megabytes this process grows."""
    engine, before = Engine(read_patterns(shipped_root() / "patterns.yaml")), megabytes()
    pick = random.Random(0)
    with uncollected():
        for number in range(people):
            for step in range(20):
                name, route = pick.choice(_NAMES), pick.choice(_ROUTES)
                at, who, session = START + number * 10 + step * 20, f"person-{number}", f"session-{number}"
                engine.feed(Occurrence(at, f"{number:032d}-{step}", name, who, who, session, session, route))
            engine.signals.clear()
    print(megabytes() - before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=float, default=1e6)
    parser.add_argument("--people", type=int, default=5_000)
    parser.add_argument("--remembered", type=int, default=100_000)
    arguments = parser.parse_args()
    occurrences = world(int(arguments.events), arguments.people)
    patterns = read_patterns(shipped_root() / "patterns.yaml")
    bare = seconds(lambda: bare_loop(occurrences))
    rows = [("bare loop, two patterns by hand", bare)]
    for name in ("errors", "paying_quiet"):
        rows.append((f"engine, {name} alone", replayed(replace(patterns, patterns=(patterns[name],)), occurrences)))
    rows.append((f"engine, all {len(patterns.patterns)} shipped patterns", replayed(patterns, occurrences)))
    print(f"{'':36}{'events/s':>12}{'CPU s':>9}{'× bare':>9}")
    for name, took in rows:
        print(f"{name:36}{len(occurrences) / took:12,.0f}{took:9.2f}{took / bare:9.1f}")
    engine = Engine(patterns)
    engine.run(occurrences)
    with TemporaryDirectory() as folder:
        state = StateFile(Path(folder))
        saving = seconds(lambda: state.save(engine))
        loading = seconds(lambda: state.load(Engine(patterns)))
        print(f"state of {len(engine.people):,} people: saved in {saving:.2f} s, loaded in {loading:.2f} s")
    print(f"{arguments.remembered:,} people are remembered in {remembered(arguments.remembered):,.0f} MB")


def replayed(patterns: Patterns, occurrences: Sequence[Occurrence]) -> float:
    return seconds(lambda: Engine(patterns).run(occurrences))


if __name__ == "__main__":
    main()
