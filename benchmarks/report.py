"""`usertrack report weekly` on the warm demo beside the bare cost of its queries: the same SQL run by `by_hand.py`."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from side_by_side import Contestant, compare, here


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path, default=Path.home() / ".cache" / "usertrack-benchmarks")
    wanted = parser.parse_args()
    folder = (wanted.folder / "report").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ |= {"XDG_CACHE_HOME": str(folder / "cache"), "USERTRACK_DEMO": "1", "USERTRACK_HISTORY": "off"}
    usertrack = [sys.executable, "-m", "usertrack"]
    subprocess.run([*usertrack, "demo"], check=True)
    plan = folder / "plan.json"
    subprocess.run([sys.executable, here("plan.py"), str(plan), "weekly"], check=True)
    contestants = [Contestant("by hand, bare engines", [sys.executable, here("by_hand.py"), str(plan), os.devnull])]
    for ending in ("md", "html"):
        command = [*usertrack, "report", "weekly", "--output", str(folder / f"week.{ending}")]
        contestants.append(Contestant(f"usertrack report weekly -o week.{ending}", command))
    compare("The weekly report of the demo, engines in the same process", contestants, rounds=wanted.rounds)


if __name__ == "__main__":
    main()
