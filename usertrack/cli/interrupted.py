"""The end of a command that a signal ended. Before every command this is imported, and with it nothing new."""

import _signal  # type: ignore[import-not-found]  # all of `signal` that is needed, and there without loading anything
import os

INTERRUPTED = 130
"""The exit code that a shell shows."""


def end_interrupted(number: int = _signal.SIGINT) -> None:
    """End this process by that signal itself: a shell then ends its loop or list of commands, too. Main thread only."""
    _signal.signal(number, _signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # the first process of a container is not ended by a signal
