"""A product that tracks and sends as fast as it can, in children that are killed again and again: see test_kills.

Its arguments are how many kills, a seed, where PostHog is, the database or "-", and the spool. It prints a uuid once
track() has returned it.
"""

import os
import random
import signal
import sys
import time
from itertools import count
from pathlib import Path

import posthog  # noqa: F401 - the children need not load it
import psycopg

import usertrack_track as track
from usertrack_track import relay

relay.GATHER_SECONDS = 0.01  # or few would be killed while they send


def product(chance: random.Random, dsn: str, pipe: int) -> None:
    """``pipe`` gets a byte after the first uuid."""
    own = psycopg.connect(dsn) if dsn != "-" else None
    for number in count():
        if own and chance.random() < 0.3:
            uuid = track.track("ada", "ordered", {"n": 1}, connection=own)
            own.commit()
        else:
            uuid = track.track(f"person {chance.randrange(9)}", "seen", {"n": 1})
        os.write(1, f"{uuid}\n".encode())
        if not number:
            os.write(pipe, b".")
        if chance.random() < 0.02:
            track.flush(0.05)


def main() -> None:
    kills, seed, host, dsn, spool = sys.argv[1:]
    chance = random.Random(int(seed))
    track.configure(
        project_key="phc_test", host=host, database_url=None if dsn == "-" else dsn, spool=Path(spool), relay=True
    )
    returned, pipe = os.pipe()
    for kill in range(int(kills)):
        child = os.fork()
        if not child:
            product(chance, dsn, pipe)
        if not kill:
            os.read(returned, 1)  # on a busy machine all could be killed before track() returns once
        time.sleep(chance.uniform(0.01, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        chance.random()


main()
