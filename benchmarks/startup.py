"""`usertrack --help` beside the smallest Typer app there is: what the command line itself costs."""

import sys
import tempfile
from pathlib import Path

from side_by_side import Contestant, compare

SMALLEST = """
import typer

app = typer.Typer()


@app.command()
def hello(name: str = "world") -> None:
    print(f"hello {name}")


app()
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        smallest = Path(folder) / "smallest.py"
        smallest.write_text(SMALLEST)
        contestants = [
            Contestant("the smallest Typer app --help", [sys.executable, str(smallest), "--help"]),
            Contestant("usertrack --help", [sys.executable, "-m", "usertrack", "--help"]),
            Contestant("usertrack --version", [sys.executable, "-m", "usertrack", "--version"]),
        ]
        compare("Start-up", contestants, rounds=21)


if __name__ == "__main__":
    main()
