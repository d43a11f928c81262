"""Our router beside Debian's Alertmanager: random streams of alerts, and which messages are not the same.

Needs the package prometheus-alertmanager. Each batch of streams takes its length in seconds:

    python benchmarks/alertmanager.py --streams 200
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.live.alerts.alertmanager import PROGRAM, MachineBusyError, Stream, ours, random_stream, theirs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=40)
    options = parser.parse_args()
    if not PROGRAM:
        sys.exit("prometheus-alertmanager is not installed: apt-get install prometheus-alertmanager")
    streams = [random_stream(id_, options.seconds - 8) for id_ in range(options.streams)]
    counts: Counter[str] = Counter()
    for start in range(0, len(streams), options.batch):
        counts += _compare(streams[start : start + options.batch], options.seconds)
        print(", ".join(f"{count} {name}" for name, count in counts.items()), flush=True)


def _compare(streams: list[Stream], seconds: int) -> Counter[str]:
    while True:
        try:
            with tempfile.TemporaryDirectory() as folder:
                told, offset = theirs(streams, seconds, Path(folder))
            break
        except MachineBusyError as busy:
            print(f"the machine is busy ({busy}): once more", flush=True)
    counts: Counter[str] = Counter()
    for stream in streams:
        own, other = ours(stream, seconds, offset), told[stream.id]
        counts["streams"] += 1
        counts["streams told alike"] += own == other
        counts["messages of Alertmanager"] += len(other)
        counts["messages of ours"] += len(own)
        counts["of those with ends"] += sum(bool(each.resolved) for each in own)
        counts["silences"] += len(stream.silences)
        counts["inhibitions"] += len(stream.inhibitions)
        if own != other:
            print(f"stream {stream.id}: {stream}")
            print("  ours alone: ", *sorted(set(own) - set(other))[:6], sep="\n    ")
            print("  theirs alone:", *sorted(set(other) - set(own))[:6], sep="\n    ")
    return counts


if __name__ == "__main__":
    main()
