"""The demo of any size that a benchmark is about, kept in a folder of its own."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from side_by_side import here

USERTRACK = [sys.executable, "-m", "usertrack"]


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """The options that say how large the world is, and where it is kept."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--events", type=int, help="leave so many of the world's events")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--folder", type=Path, default=Path.home() / ".cache" / "usertrack-benchmarks")
    return parser


def build(wanted: argparse.Namespace) -> Path:
    """Build the world, and make it the one that every process started from here on answers for; returns its folder."""
    world = "-".join(str(size) for size in (wanted.users, wanted.days, wanted.events) if size)
    folder = Path(wanted.folder, world).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ |= {"XDG_CACHE_HOME": str(folder / "cache"), "USERTRACK_DEMO": "1"}
    subprocess.run([*USERTRACK, "demo", "--users", str(wanted.users), "--days", str(wanted.days)], check=True)
    if wanted.events:
        subprocess.run([sys.executable, here("thin.py"), str(wanted.events)], check=True)
    return folder
