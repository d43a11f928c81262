"""`usertrack report weekly` on a warm demo of any size beside the bare cost of its queries, run by `by_hand.py`."""

import os
import subprocess
import sys

from demo_world import USERTRACK, build, parser_of
from side_by_side import Contestant, compare, script


def main() -> None:
    options = parser_of(__doc__).parse_args()
    folder = build(options)
    os.environ["USERTRACK_HISTORY"] = "off"
    plan = folder / "plan.json"
    subprocess.run([sys.executable, script("plan.py"), str(plan), "weekly"], check=True)
    contestants = [Contestant("by hand, bare engines", [sys.executable, script("by_hand.py"), str(plan), os.devnull])]
    for ending in ("md", "html"):
        command = [*USERTRACK, "report", "weekly", "--output", str(folder / f"week.{ending}")]
        contestants.append(Contestant(f"usertrack report weekly -o week.{ending}", command))
    rounds = options.rounds or (7 if options.users <= 20_000 else 3)
    compare(f"The weekly report of {options.users:,} accounts, engines in the same process", contestants, rounds=rounds)


if __name__ == "__main__":
    main()
