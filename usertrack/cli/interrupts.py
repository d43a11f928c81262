"""Ctrl-C ends a command at any moment; errors that it causes on the way out are not shown.

Python raises KeyboardInterrupt between any two steps. In the middle of an import that would leave a lock behind, and in
a destructor it would be lost: there it is raised a moment later. A signal that comes just before Python begins to wait
does not end that wait; another signal, which does nothing, ends it. Engines turn the exception into other errors, so
the signal itself is recorded, in a pipe. A command that hangs on its way out is stopped.
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

from usertrack.cli.interrupted import INTERRUPTED

_LONGEST_END = 10  # seconds
_WAKE = signal.SIGURG  # the main thread stops waiting, and handles what has come; nobody else uses it

_pipe: tuple[int, int] | None = None  # has a byte per signal, until the end of the process
_pending = False
_showwarning = warnings.showwarning


def run_interruptible(run: Callable[[], int]) -> int:
    """The result of ``run``, or 130. After it Ctrl-C no longer interrupts, but `was_interrupted` reports it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as the parent of a background job wants it
        return run()
    try:
        try:
            _install()
            code = run()
        finally:
            signal.signal(signal.SIGINT, _do_nothing)
    except KeyboardInterrupt:
        code = INTERRUPTED
    return code


def was_interrupted() -> bool:
    """Whether there was a Ctrl-C since `run_interruptible` began."""
    return _pipe is not None and bool(select.select(_pipe[:1], [], [], 0)[0])


def _install() -> None:
    global _pipe
    _pipe = os.pipe()
    os.set_blocking(_pipe[1], False)
    signal.set_wakeup_fd(_pipe[1], warn_on_full_buffer=False)
    _thread.start_new_thread(_exit_when_stuck, (_pipe[0],))
    sys.unraisablehook = _on_unraisable
    warnings.showwarning = _on_warning
    signal.default_int_handler = _on_signal  # type: ignore[assignment]  # asyncio puts a gentler one in the default's place
    signal.signal(signal.SIGINT, _on_signal)
    signal.signal(_WAKE, _do_nothing)


def _do_nothing(number: int, scope: FrameType | None) -> None:
    pass


def _on_signal(number: int, scope: FrameType | None) -> None:
    global _pending
    while scope:
        if scope.f_code.co_filename.startswith("<frozen importlib"):
            _pending = True
            return
        scope = scope.f_back
    raise KeyboardInterrupt


def _on_unraisable(ignored: "sys.UnraisableHookArgs") -> None:
    global _pending
    if ignored.exc_type is KeyboardInterrupt:
        _pending = True
    elif not was_interrupted():
        sys.__unraisablehook__(ignored)


def _on_warning(*warning: Any, **more: Any) -> None:
    if not was_interrupted():  # such as a coroutine that was never awaited
        _showwarning(*warning, **more)


def _exit_when_stuck(signals: int) -> None:
    global _pending
    select.select([signals], [], [])
    end = time.monotonic() + _LONGEST_END
    while time.monotonic() < end:
        time.sleep(0.02)
        number = _WAKE
        if _pending:
            _pending, number = False, signal.SIGINT
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    os.write(2, b"note: interrupted\n")
    os._exit(INTERRUPTED)
