"""A process that opens one store again and again, in children that are killed while they write: see test_kills.

Its arguments are the folder, the first and the last life that ends so, and a seed; it prints what was wrong after each,
and how often it killed.
"""

import os
import random
import signal
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from tests.killed import die_at, say
from usertrack.server.capture.ingest import Ingestor, store_waiting
from usertrack.server.capture.payload import Event
from usertrack.server.capture.recorded import to_bytes
from usertrack.server.database.store import Store
from usertrack.server.imports.events import ImportOptions
from usertrack.server.imports.load import import_file

WRITES = ("INSERT", "UPDATE", "ALTER")
AT_WORK, STARTING = range(24), range(24, 28)  # lives that end before or after a write that is listed
PERSONS = "(SELECT id FROM posthog.persons FINAL)"
IDS = "(SELECT distinct_id, person_id FROM posthog.person_distinct_ids FINAL)"
WRONG = {
    "an event is there twice": "SELECT count() - uniqExact(uuid) FROM posthog.events",
    "an id has two persons": f"SELECT count() FROM posthog.events AS e JOIN {IDS} AS d USING (distinct_id)"
    " WHERE e.person_id != d.person_id",
    "an id has a person who is not there": f"SELECT count() FROM {IDS} WHERE person_id NOT IN {PERSONS}",
    "an event has a person who is not there": "SELECT count() FROM posthog.events"
    f" WHERE person_mode = 'full' AND person_id NOT IN {PERSONS}",
    "a person has no id": f"SELECT count() FROM {PERSONS} WHERE id NOT IN (SELECT person_id FROM {IDS})",
}


def events(chance: random.Random) -> list[Event]:
    """A request of one to five events of few people, who become each other in all ways, in three months."""
    return [_event(chance) for _ in range(chance.randint(1, 5))]


def _event(chance: random.Random) -> Event:
    distinct_id, other = (f"{chance.choice('ab')}{chance.randrange(200)}" for _ in range(2))
    named = [("seen", {}), ("seen", {"$process_person_profile": False}), ("seen", {"$set": {"n": chance.random()}})]
    named += [("$identify", {"$anon_distinct_id": other}), ("$merge_dangerously", {"alias": other})]
    name, properties = chance.choice(named)
    at = datetime(2026, 9, 1, tzinfo=UTC) + timedelta(days=chance.randrange(90))
    return Event(str(UUID(int=chance.getrandbits(128))), name, distinct_id, at, properties)


def import_some(store: Store, file: Path, chance: random.Random) -> None:
    rows = [f"seen,{chance.choice('bc')}{chance.randrange(200)},2026-09-{day:02}T00:00:00Z" for day in range(1, 21)]
    file.write_text("\n".join(["event,distinct_id,timestamp", *rows]))
    import_file(store, ImportOptions(file, file), "t", datetime.now(UTC), lambda text, *, passing=False: None)


def wrong(store: Store, acknowledged: set[str]) -> list[str]:
    stored = {uuid for (uuid,) in store.rows("SELECT uuid FROM posthog.events")}
    lost = [f"{len(acknowledged - stored)} acknowledged events are lost"] if acknowledged - stored else []
    store.reconcile()
    lost += store.log.missing  # nobody lost any: kills and imports are no loss
    return lost + [f"{problem}: {n}" for problem, sql in WRONG.items() if (n := store.rows(sql)[0][0])]


def _die_as_listed(life: int, lives: range) -> None:
    write, after = divmod(lives.index(life), 2)
    die_at(write, before=not after, writes=WRITES)


def live(folder: Path, chance: random.Random, life: int, *, die: bool) -> None:
    """Look what the one before left, perhaps send once more what it had not acknowledged, and go on until the end."""
    log = folder / "acknowledged"
    store = Store(folder / "data")
    if die and life in STARTING:
        _die_as_listed(life, STARTING)
    elif die and life not in AT_WORK and chance.random() < 0.3:
        die_at(chance.randrange(12), before=chance.random() < 0.5, writes=WRITES)
    store_waiting(store, "t")
    acknowledged = set(log.read_text().split()) if log.exists() else set()
    for each in wrong(store, acknowledged):
        say(each)
    if not die:
        return
    if life in AT_WORK:
        _die_as_listed(life, AT_WORK)
    elif chance.random() < 0.7:
        die_at(chance.randrange(12), before=chance.random() < 0.5, writes=WRITES)
    else:
        threading.Timer(chance.uniform(0, 0.15), os.kill, (os.getpid(), signal.SIGKILL)).start()
    ingestor, written = Ingestor(store, "t"), os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for number in range(2):  # so that requests wait for one another
        threading.Thread(
            target=send, args=(ingestor, written, random.Random(chance.random() + number)), daemon=True
        ).start()
    if chance.random() < 0.2:
        import_some(store, folder / "events.csv", chance)
    seed = _read(folder / "under-way")
    while True:
        if not seed or chance.random() < 0.5:
            seed = chance.randrange(1 << 30)
        (folder / "under-way").write_text(str(seed))
        send_once(ingestor, written, random.Random(seed))
        seed = 0


def send(ingestor: Ingestor, written: int, chance: random.Random) -> None:
    while True:
        send_once(ingestor, written, chance)


def send_once(ingestor: Ingestor, written: int, chance: random.Random) -> None:
    """Send a request, and note that it was acknowledged. Without a rest, thousands would be written at once."""
    time.sleep(chance.uniform(0, 0.02))
    request = events(chance)
    ingestor.append_now(to_bytes(request, datetime.now(UTC)), len(request))
    os.write(written, "".join(f"{event.uuid}\n" for event in request).encode())


def _read(path: Path) -> int:
    with suppress(OSError, ValueError):
        return int(path.read_text())
    return 0


def run(folder: Path, first: int, last: int, seed: int) -> None:
    killed = 0
    for number in range(first, last + 2):
        child = os.fork()
        if not child:
            live(folder, random.Random(seed + number), number, die=number <= last)
            os._exit(0)
        killed += os.waitpid(child, 0)[1] == signal.SIGKILL
    say(f"killed {killed}")


if __name__ == "__main__":
    run(Path(sys.argv[1]), *map(int, sys.argv[2:]))
