"""A process that erases a person again and again, in children that are killed: see test_killed_erasures.

Its arguments are a folder, the first and the last life, and a seed; it prints what was left after the run that follows
a kill, and how often it killed.
"""

import os
import random
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from tests.killed import command, die_at, in_child, say

WRITES = ("INSERT", "ALTER", "OPTIMIZE", "DROP", "CREATE OR REPLACE")
ANN = "ann+1@x.example"
ERASE = ("privacy", "erase", ANN, "--data", "events", "--yes")
AT_WORK = 52  # so many writes an erasure has: of the first lives, each second ends before one and each other after it


def make(folder: Path) -> None:
    """Ann in the store, a saved insight, the history and the alerts."""
    folder.mkdir()
    settle(folder)
    from contextlib import closing

    from tests.live.alerts.signals import T0, at, told_to
    from tests.live.alerts.signals import signal as alert
    from tests.privacy.test_nothing_left import write
    from tests.segments.history.test_transitions import write as write_history
    from usertrack.live.alerts.desk import Desk
    from usertrack.live.alerts.notifications import Channel
    from usertrack.live.alerts.store import AlertStore
    from usertrack.segments.history.file import HistoryFile
    from usertrack.server.database.saved_insights import SavedInsights
    from usertrack.server.database.store import Store

    with closing(Store(folder / "events")) as store:
        write(store)
        SavedInsights(store.path).add({"name": f"Days of {ANN}"})
    history = HistoryFile(folder / "history.duckdb", "test")
    write_history(history, {day: {"ann+1": (5, 5, 1, 0), "ben": (1, 0, 1, 0)} for day in (0, 7)})
    (folder / "data/usertrack").mkdir(parents=True)
    desk = Desk(AlertStore(folder / "data/usertrack"), told_to(Channel("support", "slack")))
    desk.receive([alert(person="p-1", facts={"email": ANN})], T0)
    desk.tick(at(30))
    desk.store.close()


def settle(folder: Path) -> None:
    """Let commands of this process use ``folder``, and nothing else."""
    os.chdir(folder)
    for kind in ("data", "config", "cache"):
        os.environ[f"XDG_{kind.upper()}_HOME"] = str(folder / kind)
    os.environ["TMPDIR"] = str(folder / "tmp")
    Path("tmp").mkdir(exist_ok=True)
    os.environ["USERTRACK_HISTORY"] = str(folder / "history.duckdb")


def die_within(seconds: float) -> None:
    """Kill this process so long after its first deletion began."""
    from usertrack.privacy import erase

    delete = erase.delete

    def deadly(*values: Any) -> bool:
        threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()
        return delete(*values)

    erase.delete = deadly  # type: ignore[assignment]


def erase(folder: Path, life: int, chance: random.Random) -> None:
    settle(folder)
    if life < AT_WORK:
        die_at(life & ~1, before=life % 2 == 0, writes=WRITES)
    else:
        die_within(chance.uniform(0, 2))
    command(*ERASE)


def look(folder: Path) -> None:
    """Run any command, and then say where Ann is: in bytes, unpacked ones too, and in rows."""
    settle(folder)
    from contextlib import closing

    from tests.privacy.test_nothing_left import ANN_IN_ANY_FORM, with_rows
    from usertrack.core import traces
    from usertrack.server.database.store import Store

    code = command("profiles")
    if code:
        say(f"the next command ended with {code}")
    for file in (path for path in folder.rglob("*") if path.is_file()):
        named = ANN_IN_ANY_FORM.search(str(file).encode())
        if named or any(ANN_IN_ANY_FORM.search(b"".join(read(file))) for read in (traces._plain, traces._unpacked)):
            say(f"left in {file.relative_to(folder)}")
    with closing(Store(folder / "events")) as store:
        for table in with_rows(store):
            say(f"left in rows of {table}")


def run(folder: Path, first: int, last: int, seed: int) -> None:
    import usertrack.cli.app  # noqa: F401 - so that forks need not import it

    folder = folder.resolve()
    in_child(lambda: make(folder / "made"))
    killed = 0
    for life in range(first, last + 1):
        place = folder / "life"
        shutil.copytree(folder / "made", place, symlinks=True)
        killed += in_child(lambda: erase(place, life, random.Random(seed + life))) == signal.SIGKILL  # noqa: B023
        if in_child(lambda: look(place)):  # noqa: B023
            say(f"looking failed after life {life}")
        shutil.rmtree(place)
    say(f"killed {killed}")


if __name__ == "__main__":
    run(Path(sys.argv[1]), *map(int, sys.argv[2:]))
