"""The limit of open files of this process, which the embedded engines and connections need."""

import resource
from contextlib import suppress

from usertrack.core.errors import UsageError

OF_ENGINES = 192  # files, logs and ClickHouse: the demo fails at 96 and works at 128; larger stores have more parts
_WANTED = 10_288  # 10 000 connections of a server beside it; more would only cost children that look at each of them


def raise_limit() -> int:
    """Raise the limit as far as this user may and it is of use, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED if hard == resource.RLIM_INFINITY else min(_WANTED, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return _WANTED if soft == resource.RLIM_INFINITY else soft
    with suppress(ValueError, OSError):  # macOS has a lower limit than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def require_enough() -> None:
    """Raise the limit, and raise UsageError where this user may not have as many as the embedded engines need."""
    if (limit := raise_limit()) < OF_ENGINES:
        raise UsageError(
            f"the embedded ClickHouse needs {OF_ENGINES} open files, and {limit} are allowed",
            f"raise the limit: `ulimit -n {OF_ENGINES}` in the shell, or LimitNOFILE= in a systemd unit",
        )
