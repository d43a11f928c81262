"""Runs processes in turn and prints medians with their ratio to the first: times are shown, never asserted."""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Contestant:
    """A command to measure; ``env`` is added to the environment."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cost:
    """What one process took: wall-clock seconds, and its peak resident memory in MiB."""

    seconds: float
    mebibytes: float


def run_once(contestant: Contestant) -> Cost:
    """Run to the end, output thrown away; exits with the process's own words when it fails."""
    # installed, usertrack has its bytecode: where Python may not keep any, each run would compile it anew
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as said:
        actions = [
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, said.fileno(), 2),
        ]
        started = time.perf_counter()
        process = os.posix_spawnp(
            contestant.command[0], list(contestant.command), environment | contestant.env, file_actions=actions
        )
        _, status, usage = os.wait4(process, 0)
        seconds = time.perf_counter() - started
        if status:
            said.seek(0)
            sys.exit(f"{contestant.name} failed: {said.read().decode(errors='replace')}")
    return Cost(seconds, usage.ru_maxrss / 1024)


def compare(
    title: str, contestants: Sequence[Contestant], *, rounds: int, warm_up: int = 1, baseline: float = 0.0
) -> float:
    """Interleave ``rounds`` runs of each, after ``warm_up`` that do not count, and print the table.

    Ratios are to ``baseline`` seconds, by default those of the first contestant, which are returned.
    """
    costs: dict[str, list[Cost]] = {contestant.name: [] for contestant in contestants}
    for number in range(warm_up + rounds):
        for contestant in contestants:
            cost = run_once(contestant)
            if number >= warm_up:
                costs[contestant.name].append(cost)
    print(f"\n{title} · median of {rounds} · Python {sys.version.split()[0]}, {os.cpu_count()} cores\n")
    print(f"  {'':44}{'seconds':>9}{'ratio':>8}{'peak MiB':>10}")
    first = statistics.median(cost.seconds for cost in costs[contestants[0].name])
    for name, found in costs.items():
        seconds = statistics.median(cost.seconds for cost in found)
        peak = max(cost.mebibytes for cost in found)
        print(f"  {name:44}{seconds:9.3f}{seconds / (baseline or first):8.2f}{peak:10.0f}", flush=True)
    return first


def here(name: str) -> str:
    """The path of another script in this folder."""
    return str(Path(__file__).parent / name)
