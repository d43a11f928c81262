"""How fast commands are while `usertrack open` runs, as a ratio to `usertrack --help`.

    python benchmarks/open.py [--rounds 5]

The pages of the demo are opened on a free port; each round runs `--help` and every command once, with and without them.
The least of the rounds counts, as on any machine that does other things.
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
        cold = _least(rounds, env)
        opened = subprocess.Popen(
            [*USERTRACK, "open", "--demo", "--port", "0"], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert opened.stdout
        opened.stdout.readline()
        while not any(path.is_socket() for path in Path(folder).glob("*/*")):
            time.sleep(0.1)
        warm = _least(rounds, env)
        opened.terminate()
        opened.wait()
    print(f"{'command':10} {'alone':>8} {'open':>8} {'of --help':>10}")
    for name in COMMANDS:
        print(f"{name:10} {cold[name]:7.2f}s {warm[name]:7.2f}s {warm[name] / warm['--help']:10.2f}")


def _least(rounds: int, env: dict[str, str]) -> dict[str, float]:
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, words in COMMANDS.items():
            began = time.perf_counter()
            subprocess.run([*USERTRACK, *words], env=env, capture_output=True, check=True)
            seconds[name].append(time.perf_counter() - began)
    return {name: min(times) for name, times in seconds.items()}


if __name__ == "__main__":
    main()
