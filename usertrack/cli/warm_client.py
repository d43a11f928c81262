"""Has a command run by the warm process of an open `usertrack open`, which has imported everything already.

Nothing is imported here that Python has not loaded anyway, but for sockets: this runs before every command.
"""

import contextlib
import os
import sys

# fmt: off
COMMANDS = frozenset((
    "segments", "explain", "user", "match", "failures", "activity", "funnel", "retention", "cohorts", "lifecycle",
    "stickiness", "features", "churn", "sessions", "journeys", "events", "properties", "metrics", "history", "query",
    "report", "insight", "flags",
))
# fmt: on
"""Those that answer a question and end: they wait for nothing, ask nobody, and serve nothing."""
PATIENCE = 5.0
"""Seconds until a command runs in its own process."""

_NOT_THERE = ("-h", "--help", "--edit")


def run_warm() -> int | None:
    """The exit code of the command in ``sys.argv``; None where it is to be run in this process."""
    words = sys.argv[1:]
    if not words or words[0] not in COMMANDS or any(word.startswith(_NOT_THERE) for word in words):
        return None
    path = socket_path()
    streams = (sys.stdin, sys.stdout, sys.stderr)
    if not os.path.exists(path) or any(stream is None or stream.encoding != "utf-8" for stream in streams):
        return None
    import json
    import signal
    import socket

    connection = socket.socket(socket.AF_UNIX)
    caller = {
        "argv": sys.argv,
        "cwd": os.getcwd(),
        "env": dict(os.environ),
        "umask": _umask(),
        "ignores_interrupts": signal.getsignal(signal.SIGINT) == signal.SIG_IGN,
        "errors": [stream.errors for stream in streams],
    }
    request = json.dumps(caller).encode()
    try:
        require_own(path)
        connection.settimeout(PATIENCE)
        connection.connect(path)
        socket.send_fds(connection, [len(request).to_bytes(4, "big")], [0, 1, 2])
        connection.sendall(request)
        process = int.from_bytes(connection.recv(4), "big")
        connection.settimeout(None)
    except OSError:
        return None
    return _result(connection, process) if process else None


def _result(connection: "socket.socket", process: int) -> int:  # type: ignore[name-defined]  # noqa: F821
    """The exit code of the command that runs as ``process``, to which signals are passed on."""
    import signal

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, _: _pass_on(process, number))
    code = connection.recv(4)
    if not code:
        os.write(2, b"error: usertrack open has ended, and this command with it\n")
        return 3
    return int.from_bytes(code, "big")


def _pass_on(process: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def _umask() -> int:
    current = os.umask(0o077)
    os.umask(current)
    return current


def socket_path() -> str:
    """Where the warm process of this user and this Python listens."""
    import zlib

    folder = os.environ.get("XDG_RUNTIME_DIR") or "/tmp"
    return f"{folder}/usertrack-{os.getuid()}/{zlib.crc32(sys.prefix.encode()):x}"


def require_own(path: str | os.PathLike[str]) -> None:
    """Raise OSError where somebody else could have put the socket there."""
    folder = os.lstat(os.path.dirname(path))
    if folder.st_uid != os.getuid() or folder.st_mode & 0o077:
        raise OSError("not ours")
