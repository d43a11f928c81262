"""Ctrl-C ends a command with 130, at whatever moment it comes; what it breaks on the way out is no failure of its own.

Python raises KeyboardInterrupt between any two steps. In the middle of an import that would leave a lock behind, and in
a destructor it would be lost: there it is raised a moment later. Engines make other errors of it, so that the signal
itself is kept, in a pipe. A command that hangs on its way out is left.
"""

import _thread
import os
import select
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from types import FrameType
from typing import Any

from usertrack.core.errors import INTERRUPTED

_LONGEST_END = 10  # seconds

_pipe: tuple[int, int] | None = None  # what came, until the end of the process
_owed = False
_show = warnings.showwarning


def watched(run: Callable[[], int]) -> int:
    """What ``run`` returns, or 130. What comes after it is not interrupted any more; `came` still tells."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as the parent of a background job wants it
        return run()
    try:
        try:
            _watch()
            code = run()
        finally:
            signal.signal(signal.SIGINT, lambda number, scope: None)
    except KeyboardInterrupt:
        code = INTERRUPTED
    return code


def came() -> bool:
    """Whether there was a Ctrl-C since `watched` began, whoever took notice of it."""
    return _pipe is not None and bool(select.select(_pipe[:1], [], [], 0)[0])


def _watch() -> None:
    global _pipe
    _pipe = os.pipe()
    os.set_blocking(_pipe[1], False)
    signal.set_wakeup_fd(_pipe[1], warn_on_full_buffer=False)
    _thread.start_new_thread(_see_it_end, (_pipe[0],))
    sys.unraisablehook = _unraised
    warnings.showwarning = _warned
    signal.default_int_handler = _raise  # type: ignore[assignment]  # asyncio puts a gentler one in the default's place
    signal.signal(signal.SIGINT, _raise)


def _raise(number: int, scope: FrameType | None) -> None:
    global _owed
    while scope:
        if scope.f_code.co_filename.startswith("<frozen importlib"):
            _owed = True
            return
        scope = scope.f_back
    raise KeyboardInterrupt


def _unraised(ignored: "sys.UnraisableHookArgs") -> None:
    global _owed
    if ignored.exc_type is KeyboardInterrupt:
        _owed = True
    elif not came():
        sys.__unraisablehook__(ignored)


def _warned(*what: Any, **more: Any) -> None:
    if not came():  # such as of a coroutine that nobody comes to wait for any more
        _show(*what, **more)


def _see_it_end(signals: int) -> None:
    global _owed
    select.select([signals], [], [])
    end = time.monotonic() + _LONGEST_END
    while time.monotonic() < end:
        time.sleep(0.02)
        if _owed:
            _owed = False
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    os.write(2, b"note: interrupted\n")
    os._exit(INTERRUPTED)
