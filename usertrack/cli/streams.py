"""What a caller may have left in a state that Python and libraries do not expect: standard streams, and the width."""

import os
import re
import sys

_NARROWEST = 20  # columns


def repair() -> None:
    """Make sure that the standard streams are there, and that COLUMNS and LINES are numbers of a terminal.

    What reads from a closed stream finds its end, talk for one is lost, and data for one is an `OSError`.
    """
    for name, mode, access in _STREAMS:
        if getattr(sys, name) is None:  # and its number is free: the next file would get it, and what is meant for it
            setattr(sys, name, open(os.open(os.devnull, access), mode))  # noqa: SIM115 - for the whole process
    for name in ("COLUMNS", "LINES"):
        if not re.fullmatch("0*[1-9][0-9]{0,4}", os.environ.get(name, "")):
            os.environ.pop(name, None)
        elif name == "COLUMNS":
            os.environ[name] = str(max(_NARROWEST, int(os.environ[name])))


_STREAMS = (
    ("stdin", "r", os.O_RDONLY),
    ("stdout", "w", os.O_RDONLY),
    ("stderr", "w", os.O_WRONLY),
)
