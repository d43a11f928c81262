"""The `usertrack` command, as `python -m usertrack` too: Ctrl-C is a clean end from the first moment on."""

import os
import signal
from types import FrameType


def main() -> None:
    """Load the command line, then run it: until it is there, nothing has begun that would have to be taken back."""
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # else a parent wants it to be ignored
    if usual:
        signal.signal(signal.SIGINT, _leave)
    from usertrack.cli.app import main as run

    if usual:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(2, b"note: interrupted\n")
    os._exit(130)


if __name__ == "__main__":
    main()
