"""Starts the warm process beside `usertrack open`. What it runs imports every command, this one too."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_SERVER = "usertrack.cli.warm_server"


@contextmanager
def warm_process() -> Iterator[None]:
    """Keep a warm process while this is open. It ends with this process, however that ends."""
    process = subprocess.Popen([sys.executable, "-m", _SERVER], stdin=subprocess.PIPE, cwd="/")
    try:
        yield
    finally:
        assert process.stdin
        process.stdin.close()
        process.wait()
