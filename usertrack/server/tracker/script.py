"""The script for the browser as it is served: a name with its digest, which browsers may keep for a year."""

import hashlib
from functools import cache
from pathlib import Path

BUILT = Path(__file__).with_name("usertrack.min.js")


@cache
def script() -> bytes:
    return BUILT.read_bytes()


@cache
def script_name() -> str:
    """Such as ``usertrack.1f0c2d3e4a5b6c7d.js``."""
    return f"usertrack.{hashlib.sha256(script()).hexdigest()[:16]}.js"
