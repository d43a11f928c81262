"""Draws docs/segments.svg, the picture in the README, from the demo: `python scripts/picture.py`."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

PICTURE = Path(__file__).parent.parent / "docs" / "segments.svg"
COMMAND = ["segments", "--limit", "3"]
WIDTH = 100


def picture() -> str:
    """A terminal with the command and its answer, as an SVG that fetches nothing."""
    run = [sys.executable, "-m", "usertrack", *COMMAND, "--demo"]
    environment = {**os.environ, "COLUMNS": str(WIDTH), "FORCE_COLOR": "1", "COLORTERM": "truecolor"}
    answer = subprocess.run(run, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    console = Console(width=WIDTH, record=True, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(f"\x1b[1m$ usertrack {' '.join(COMMAND)}\x1b[0m\n\n{answer}"), end="")
    svg = console.export_svg(title="usertrack", theme=MONOKAI, unique_id="terminal")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
