"""Ctrl-C, SIGTERM and SIGHUP end a command at any moment; errors that they cause on the way out are not shown.

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
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

from usertrack.cli.interrupted import INTERRUPTED

_LONGEST_END = 10  # seconds
_WAKE = signal.SIGURG  # the main thread stops waiting, and handles what has come; nobody else uses it

_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_pipe: tuple[int, int] | None = None  # has a byte per signal, until the end of the process
_pending = False
_number: int = signal.SIGINT  # the signal that came last
_showwarning = warnings.showwarning


def run_interruptible(run: Callable[[], int]) -> int:
    """The result of ``run``, or 130. After it no signal interrupts any more, but `was_interrupted` reports it."""
    # one that is ignored stays so, as the parent of a background job, or nohup, wants it
    heeded = [number for number in _ENDS if signal.getsignal(number) != signal.SIG_IGN]
    try:
        try:
            _install(heeded)
            code = run()
        finally:
            for number in heeded:
                signal.signal(number, _do_nothing)
    except KeyboardInterrupt:
        code = INTERRUPTED
    return code


def was_interrupted() -> bool:
    """Whether there was such a signal since `run_interruptible` began."""
    return _pipe is not None and bool(select.select(_pipe[:1], [], [], 0)[0])


def interrupted_by() -> int:
    """The signal that interrupted."""
    return _number


def _install(heeded: Iterable[signal.Signals]) -> None:
    global _pipe
    _pipe = os.pipe()
    os.set_blocking(_pipe[1], False)
    signal.set_wakeup_fd(_pipe[1], warn_on_full_buffer=False)
    _thread.start_new_thread(_exit_when_stuck, (_pipe[0],))
    sys.unraisablehook = _on_unraisable
    warnings.showwarning = _on_warning
    signal.default_int_handler = _on_signal  # type: ignore[assignment]  # asyncio puts a gentler one in the default's place
    for number in heeded:
        signal.signal(number, _on_signal)
    signal.signal(_WAKE, _do_nothing)


def _do_nothing(number: int, scope: FrameType | None) -> None:
    pass


def _on_signal(number: int, scope: FrameType | None) -> None:
    global _pending, _number
    _number = number
    gentler = signal.getsignal(signal.SIGINT)  # asyncio's, while that runs: it cancels
    if callable(gentler) and gentler is not _on_signal and gentler is not _do_nothing:
        gentler(number, scope)
        return
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
        number: int = _WAKE
        if _pending:
            _pending, number = False, _number
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    os.write(2, b"note: interrupted\n")
    os._exit(128 + _number)
