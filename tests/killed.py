"""Processes that are killed on purpose, before or after one of their writes to the store, and those that look after."""

import os
import signal
import sys
import traceback
from collections.abc import Callable

from usertrack.server.database.session import ClickHouseSession


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def in_child(work: Callable[[], object]) -> int:
    """How a fork ends that does ``work``; it has no engine of this process."""
    child = os.fork()
    if not child:
        try:
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return os.waitpid(child, 0)[1]


def command(*words: str) -> int:
    from usertrack.cli.app import run as usertrack

    sys.argv = ["usertrack", *words]
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    return usertrack()


def die_at(write: int, *, before: bool, writes: tuple[str, ...]) -> None:
    """Kill this process before or after that one of the statements to come that begin with ``writes``."""
    query, left = ClickHouseSession.query, iter(range(write))

    def deadly(self: ClickHouseSession, sql: str, fmt: str = "JSONCompact") -> bytes:
        ends = sql.startswith(writes) and next(left, None) is None
        if ends and before:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = query(self, sql, fmt)
        if ends:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    ClickHouseSession.query = deadly  # type: ignore[method-assign]
