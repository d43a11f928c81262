"""Ctrl-C at many moments of a real run: the exit code and the error output of each.

`benchmarks/interrupts.py --moments 200 segments -f json`; without a command it takes `segments`. The signal goes to the
whole group of processes, as a terminal sends it.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter

_NOTES = re.compile(r"note: .*\n")
_BEFORE = "ended before"
_RIGHT = ("130", _BEFORE)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--moments", type=int, default=200)
    options.add_argument("command", nargs=argparse.REMAINDER)
    arguments = options.parse_args()
    command = [sys.executable, "-m", "usertrack", *(arguments.command or ["segments"])]
    length = min(_end(command, 1e6)[1] for _ in range(3))
    ends: Counter[str] = Counter()
    slowest = 0.0
    for number in range(arguments.moments):
        moment = length * number / arguments.moments
        outcome, took = _end(command, moment)
        slowest = max(slowest, took - moment)
        ends[outcome] += 1
        if outcome not in _RIGHT:
            print(f"at {moment:.3f} s: {outcome[:400]}", flush=True)
    print(
        f"{' '.join(command[1:])}: {arguments.moments} moments of {length:.2f} s, the slowest end took {slowest:.2f} s"
    )
    for outcome, count in ends.most_common():
        print(f"{count:5}  {outcome[:100]!r}")


def _end(command: list[str], moment: float) -> tuple[str, float]:
    """The exit code as in a shell, with the error output beside notes, and the seconds until the end."""
    started = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        _, stderr = process.communicate(timeout=moment)
        return _BEFORE, time.monotonic() - started
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate()
    code = process.returncode if process.returncode >= 0 else 128 - process.returncode
    return f"{code} {_NOTES.sub('', stderr)}".strip(), time.monotonic() - started


if __name__ == "__main__":
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # in the background: what is started would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    main()
