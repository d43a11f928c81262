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
    """Run to the end without output; exits with the process's error output when it fails."""
    # an installed usertrack has bytecode; without it each run would compile the package again
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as stderr:
        actions = [
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, stderr.fileno(), 2),
        ]
        started = time.perf_counter()
        process = os.posix_spawnp(
            contestant.command[0], list(contestant.command), environment | contestant.env, file_actions=actions
        )
        _, status, usage = os.wait4(process, 0)
        seconds = time.perf_counter() - started
        if status:
            stderr.seek(0)
            sys.exit(f"{contestant.name} failed: {stderr.read().decode(errors='replace')}")
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
    for name, runs in costs.items():
        seconds = statistics.median(cost.seconds for cost in runs)
        peak = max(cost.mebibytes for cost in runs)
        print(f"  {name:44}{seconds:9.3f}{seconds / (baseline or first):8.2f}{peak:10.0f}", flush=True)
    return first


def script(name: str) -> str:
    """The path of another script in this folder."""
    return str(Path(__file__).parent / name)
