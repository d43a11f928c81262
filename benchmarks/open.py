"""How fast commands are while `usertrack open` runs, as a ratio to `usertrack --help`.

    python benchmarks/open.py [--rounds 5]

The pages of the demo are opened on a free port; each round runs `--help` and every command once, with and without them.
The least of the rounds counts, as on any machine that does other things; `first` is the first round, in which the
open engines are asked what nobody has asked them yet.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

USERTRACK = [sys.executable, "-m", "usertrack"]
COMMANDS = {
    "--help": ["--help"],
    "segments": ["segments", "--demo"],
    "funnel": ["funnel", "activation", "--demo"],
    "user": ["user", "lena@northwind.example", "--demo"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        env = {**os.environ, "XDG_RUNTIME_DIR": folder}
        cold = _seconds(rounds, env)
        opened = subprocess.Popen(
            [*USERTRACK, "open", "--demo", "--port", "0"], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert opened.stdout
        opened.stdout.readline()
        while not any(path.is_socket() for path in Path(folder).glob("*/*")):
            time.sleep(0.1)
        warm = _seconds(rounds, env)
        opened.terminate()
        opened.wait()
    print(f"{'command':10} {'alone':>8} {'first':>8} {'open':>8} {'of --help':>10}")
    for name, seconds in warm.items():
        ratio = min(seconds) / min(warm["--help"])
        print(f"{name:10} {min(cold[name]):7.2f}s {seconds[0]:7.2f}s {min(seconds):7.2f}s {ratio:10.2f}")


def _seconds(rounds: int, env: dict[str, str]) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, words in COMMANDS.items():
            began = time.perf_counter()
            subprocess.run([*USERTRACK, *words], env=env, capture_output=True, check=True)
            seconds[name].append(time.perf_counter() - began)
    return seconds


if __name__ == "__main__":
    main()
