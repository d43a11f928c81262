"""A process whose children watch invented events until they are killed, but for the last, which ends: see test_kills.

Its arguments are the folder of their state, and how many are killed. What they say goes to the file `heard`, a line
each, which is as durable as alerts.db.
"""

import os
import signal
import sys
from pathlib import Path
from random import Random

from tests.live.signals.events import START, event
from usertrack.live.signals.engine import Engine
from usertrack.live.signals.occurrence import Occurrence
from usertrack.live.signals.read import read_patterns
from usertrack.live.signals.state import StateFile

POLLS, STEP = 150, 60  # seconds of the events' time
LIVES = 1.0  # seconds of a processor for all who are killed together, at most: a few times what one needs who is not


def invented() -> list[Occurrence]:
    pick, names = Random(4), ["$exception", "$rageclick", "$pageview", "$autocapture"]
    times = sorted(pick.randrange(POLLS * STEP) for _ in range(1500))
    return [event(at, pick.choice(names), f"p{pick.randrange(9)}", uuid=f"{number}") for number, at in enumerate(times)]


def watch(folder: Path) -> None:
    engine, state = Engine(read_patterns(folder / "patterns.yaml")), StateFile(folder)
    state.load(engine)
    events = invented()
    while True:
        waiting = state.waiting()
        if waiting:
            with (folder / "heard").open("a") as heard:
                heard.writelines(f"{signal.key} {signal.state} {signal.at}\n" for _, signal in waiting)
            state.taken(waiting[-1][0])
        begun = state.read_until or START
        if begun >= START + POLLS * STEP:
            break
        for occurrence in events:
            if begun <= occurrence.at < begun + STEP:
                engine.feed(occurrence)
        engine.advance(begun + STEP)
        state.save(engine, engine.taken(), read_until=begun + STEP)


def run(folder: Path, kills: int) -> None:
    chance = Random(9)
    for number in range(kills + 1):
        life = chance.uniform(0.001, LIVES / kills)
        child = os.fork()
        if not child:
            if number < kills:
                signal.setitimer(signal.ITIMER_PROF, life)  # whose signal kills at once, as SIGKILL does
            watch(folder)
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]))
