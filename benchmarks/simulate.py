"""How long a simulation of 30 days takes: the shipped patterns, with grouping, budgets and outcomes, on 1 M events.

    python benchmarks/simulate.py [--events 1e6] [--people 5000] [--curve]

The events are those of `signals.py`, made before the clock starts; every tenth person pays. Times are of the CPU, which
depend less on what else the machine does. Reading the events from a source comes on top of them.
"""

import argparse
import time
from datetime import UTC, datetime, timedelta

from signals import DAYS, START, world

from usertrack.library.library import shipped_root
from usertrack.live.signals.audience import Everybody
from usertrack.live.signals.patterns import Pattern
from usertrack.live.signals.read import read_patterns
from usertrack.live.signals.simulation.deliveries import with_one_channel
from usertrack.live.signals.simulation.numbers import simulate
from usertrack.live.signals.simulation.outcomes import back_test, churned


class Tenth(Everybody):
    """Every tenth person pays."""

    def includes(self, pattern: Pattern, person: str) -> bool | None:
        pays = person.endswith("0")
        return not pattern.where or pays == pattern.where.endswith("= 'active'")


FILES = ("patterns.yaml", "patterns/seed004.yaml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=float, default=1e6)
    parser.add_argument("--people", type=int, default=5_000)
    parser.add_argument("--curve", action="store_true")
    options = parser.parse_args()
    occurrences = world(int(options.events), options.people)
    since = datetime.fromtimestamp(START, UTC)
    until = since + timedelta(days=DAYS)
    print(f"{'':24}{'CPU s':>8}{'events/s':>12}{'alerts':>10}{'messages/day':>14}")
    for file in FILES:
        patterns = read_patterns(shipped_root() / file)
        began = time.process_time()
        settings = with_one_channel(patterns.notifications)
        simulation = simulate(patterns, Tenth(), settings, occurrences, since, until, with_curve=options.curve)
        back_test(simulation, churned(simulation.presence, timedelta(days=14)))
        took = time.process_time() - began
        rate, messages = len(occurrences) / took, len(simulation.messages) / simulation.days
        print(f"{file:24}{took:8.1f}{rate:12,.0f}{len(simulation.fired):10,}{messages:14.1f}")


if __name__ == "__main__":
    main()
