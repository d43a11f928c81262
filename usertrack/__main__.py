"""The `usertrack` command, as `python -m usertrack` too: Ctrl-C is a clean end from the first moment on."""

import _signal  # type: ignore[import-not-found]  # all of `signal` that is needed, and there without loading anything
import gc
import os

from usertrack.cli.interrupted import end_interrupted


def main() -> None:
    """Load the command line, then run it: until it is there, nothing has begun that would have to be taken back."""
    if _signal.getsignal(_signal.SIGINT) != _signal.SIG_IGN:  # as the parent of a background job wants it
        _signal.signal(_signal.SIGINT, _leave)
    gc.set_threshold(100_000)  # a run is short: collecting garbage after every 700 objects only slows imports
    from usertrack.cli.app import main as run

    run()


def _leave(number: int, frame: object) -> None:
    os.write(2, b"note: interrupted\n")
    end_interrupted()


if __name__ == "__main__":
    main()
