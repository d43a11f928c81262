"""Builds a demo of any size for a benchmark, in a folder of its own."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from side_by_side import script

USERTRACK = [sys.executable, "-m", "usertrack"]


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """The options for the size of the demo, and its folder."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--events", type=int, help="leave so many of the world's events")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--folder", type=Path, default=Path.home() / ".cache" / "usertrack-benchmarks")
    return parser


def build(options: argparse.Namespace) -> Path:
    """Build the demo for all processes started from now on; returns its folder."""
    world = "-".join(str(size) for size in (options.users, options.days, options.events) if size)
    folder = Path(options.folder, world).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ |= {"XDG_CACHE_HOME": str(folder / "cache"), "USERTRACK_DEMO": "1"}
    subprocess.run([*USERTRACK, "demo", "--users", str(options.users), "--days", str(options.days)], check=True)
    if options.events:
        subprocess.run([sys.executable, script("thin.py"), str(options.events)], check=True)
    return folder
