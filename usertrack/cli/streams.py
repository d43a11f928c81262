"""Repairs what the caller may leave in an unusual state: closed standard streams, and COLUMNS that is no number."""

import os
import re
import sys

_NARROWEST = 20  # columns: rich needs some to wrap words in


def repair() -> None:
    """Make sure that the standard streams are open, and that COLUMNS and LINES are sizes of a terminal.

    A closed standard input is empty, messages for a closed standard error are lost, data for a closed standard output
    is an `OSError`.
    """
    for name, mode, access in _STREAMS:
        if getattr(sys, name) is None:  # its number is free: the next file would get it, and its output
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
