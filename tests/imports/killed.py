"""A process that imports a file again and again, in children that are killed: see test_killed_imports.

Its arguments are a folder, the first and the last life; it prints what was wrong after the import that follows a kill,
and how often it killed.
"""

import os
import shutil
import signal
import sys
from contextlib import closing
from pathlib import Path

from tests.killed import command, die_at, in_child, say

WRITES = ("INSERT", "CREATE", "ALTER", "DROP", "RENAME", "EXCHANGE", "TRUNCATE", "OPTIMIZE", "UPDATE")
ROWS = [f"seen,p{number % 7},2026-09-{number % 28 + 1:02}T00:00:{number % 60:02}Z,n{number}" for number in range(200)]
STORED = {
    "events": (200, "SELECT count() FROM posthog.events"),
    "events by uuid": (200, "SELECT uniqExact(uuid) FROM posthog.events"),
    "persons": (7, "SELECT count() FROM posthog.persons FINAL"),
    "ids": (7, "SELECT count() FROM posthog.person_distinct_ids FINAL"),
    "names": (7, "SELECT uniqExact(toString(properties.name)) FROM posthog.persons FINAL"),
}


def load(folder: Path) -> int:
    os.environ["TMPDIR"] = str(folder)
    return command(
        "import", "events", str(folder.parent / "log.csv"), "-m", "person.name=name", "--data", str(folder / "data")
    )


def dies(folder: Path, life: int) -> None:
    die_at(life // 2, before=life % 2 == 0, writes=WRITES)
    load(folder)


def look(folder: Path, life: int) -> None:
    from usertrack.server.database.store import Store

    if code := load(folder):
        say(f"after life {life} the import ended with {code}")
    with closing(Store(folder / "data")) as store:
        for name, (expected, sql) in STORED.items():
            if (count := store.rows(sql)[0][0]) != expected:
                say(f"after life {life} there are {count} {name}")
    if left := [path.name for path in folder.glob("usertrack-run-*")]:
        say(f"after life {life} there is {left}")


def run(folder: Path, first: int, last: int) -> None:
    import usertrack.cli.app  # noqa: F401 - so that forks need not import it

    (folder / "log.csv").write_text("\n".join(["event,distinct_id,timestamp,name", *ROWS]))
    killed = 0
    for life in range(first, last + 1):
        (place := folder / "life").mkdir()
        killed += in_child(lambda: dies(place, life)) == signal.SIGKILL  # noqa: B023
        if in_child(lambda: look(place, life)):  # noqa: B023
            say(f"looking failed after life {life}")
        shutil.rmtree(place)
    say(f"killed {killed}")


if __name__ == "__main__":
    run(Path(sys.argv[1]), *map(int, sys.argv[2:]))
