"""`golden` compares output with a file; `USERTRACK_GOLDEN=write pytest tests/cli` writes the files anew."""

import os
from pathlib import Path

_WRITE = os.environ.get("USERTRACK_GOLDEN") == "write"


def golden(name: str, text: str) -> None:
    path = Path(__file__).parent / "golden" / name
    if _WRITE:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
