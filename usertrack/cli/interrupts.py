"""Ctrl-C, SIGTERM and SIGHUP end a command: KeyboardInterrupt undoes its work, then the same signal ends the process.

The handler records the signal, as engines turn the exception into other errors. In the middle of an import the
exception would leave a lock behind, in a destructor it would be lost, and half an event loop says so with a traceback:
there the handler tries again a moment later.
"""

import atexit
import contextlib
import os
import signal
import sys
import warnings
from types import FrameType

from usertrack.cli.interrupted import INTERRUPTED, end_interrupted

_LONGEST_END = 10  # seconds; a query is cancelled at its server within one, and a service manager kills after 90
_MOMENT = 0.02  # seconds: most imports of one module take less

_number = 0  # the signal that came; 0: none
_is_ending = False  # the exception was raised, or the command is done
_code = 1  # Python's own, of an error that nobody caught


def heed_signals() -> None:
    """Let the signals interrupt from now on. What is registered with `atexit` afterwards runs before the end."""
    atexit.register(_end)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as the parent of a background job, or nohup, wants it
            signal.signal(number, _on_signal)
    signal.signal(signal.SIGALRM, _on_signal)


def was_interrupted() -> bool:
    return _number != 0


def exit_with(code: int) -> None:
    """End the process, by the signal that came or with this exit code."""
    global _code, _is_ending
    _is_ending = True
    _code = code
    sys.exit(code)


def _on_signal(number: int, frame: FrameType | None) -> None:
    global _number, _is_ending
    if number != signal.SIGALRM:
        _number = number
        signal.signal(number, signal.SIG_DFL)  # a second one ends the process at once
        warnings.simplefilter("ignore")  # such as of a coroutine that was never awaited
    elif _is_ending:  # it hangs
        _end()
    if _is_ending:
        signal.setitimer(signal.ITIMER_REAL, _LONGEST_END)
    elif _must_finish(frame):
        signal.setitimer(signal.ITIMER_REAL, _MOMENT)
    else:
        _is_ending = True
        signal.setitimer(signal.ITIMER_REAL, _LONGEST_END)
        raise KeyboardInterrupt


def _must_finish(frame: FrameType | None) -> bool:
    """Whether an import or a destructor is running, or an event loop is being made: half of one complains."""
    while frame:
        if frame.f_code.co_name in ("__del__", "new_event_loop") or frame.f_code.co_filename.startswith(
            "<frozen importlib"
        ):
            return True
        frame = frame.f_back
    return False


def _end() -> None:
    """End the process without the regular shutdown of ClickHouse, DuckDB and Python, which takes another 0.15 s."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        if _number or _code == INTERRUPTED:
            sys.stderr.write("note: interrupted\n")
        sys.stderr.flush()
    if _number:
        end_interrupted(_number)
    os._exit(_code)
