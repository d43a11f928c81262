"""What the rules for texts of pages cost the ingest: CPU time per event of usertrack.js, beside taking and storing it.

    python benchmarks/readable.py [--events 20000] [--rounds 5]

In one process, in blocks of 1 000 events: decode them, make them readable, write them to the log's bytes, read these,
and store them in ClickHouse. A third of the events are pages, a third clicks, the others custom events with values that
never come again. Medians over the rounds; the first round, which fills what is kept of results, is not counted.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from usertrack.server.capture.block import BlockWriter
from usertrack.server.capture.payload import Payload, read_events
from usertrack.server.capture.readable import Readable
from usertrack.server.capture.recorded import from_bytes, to_bytes
from usertrack.server.database.store import Store

TOKEN, BLOCK = "phc_benchmark", 1_000
PATHS = ["/orgs/acme-9/members", "/settings/billing", "/dashboard", "/projects/17/issues/4711"]
LABELS = ["Save changes", "Delete 3 items", "Open Kowalczyk", "Cancel"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("events", 20_000), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    readable, measured = Readable(), defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        writer = BlockWriter(store, TOKEN)
        for number in range(options.rounds + 1):
            spent = one_round(writer, readable, options.events)
            for part, seconds in spent.items():
                if number:
                    measured[part].append(1e6 * seconds / options.events)
        store.close()
    figures = {part: statistics.median(values) for part, values in measured.items()}
    for part, figure in figures.items():
        print(f"{part:<12}{figure:>8.1f} µs of CPU per event")
    others = sum(figures.values()) - figures["readable"]
    print(f"ratio: readable to all others {figures['readable'] / others:.3f}")


def one_round(writer: BlockWriter, readable: Readable, events: int) -> dict[str, float]:
    """Seconds of CPU that each part took for that many events."""
    spent: dict[str, float] = defaultdict(float)
    for _ in range(events // BLOCK):
        now, body = datetime.now(UTC), json.dumps({"api_key": TOKEN, "batch": [event() for _ in range(BLOCK)]})
        marks = [time.thread_time()]
        taken = read_events(Payload(body.encode(), legacy=False), TOKEN, now).events
        marks.append(time.thread_time())
        for captured in taken:
            readable.clean(captured)
        marks.append(time.thread_time())
        logged = from_bytes(to_bytes(taken, now))
        marks.append(time.thread_time())
        for part, began, ended in zip(("decode", "readable", "log"), marks, marks[1:], strict=False):
            spent[part] += ended - began
        began = time.process_time()  # ClickHouse works in threads of its own
        writer.write(logged, now)
        spent["store"] += time.process_time() - began
    return spent


def event() -> dict[str, object]:
    path, kind = random.choice(PATHS), random.randrange(3)
    session = str(uuid4())
    properties: dict[str, object] = {
        "$lib": "usertrack.js", "$current_url": f"https://app.example{path}", "$pathname": path, "$host": "app.example",
        "$session_id": session, "$window_id": session, "$device_id": session, "$process_person_profile": True,
    }  # fmt: skip
    own: tuple[str, dict[str, object]] = [
        ("$pageview", {"title": f"{random.choice(LABELS)} – Acme", "$referrer": f"https://app.example{path}"}),
        ("$autocapture", {"$el_text": random.choice(LABELS), "selector": "form#billing>div.row>button.btn-primary"}),
        ("report_exported", {"format": "csv", "rows": 17, "report": str(uuid4()), "name": f"Report {random.random()}"}),
    ][kind]
    person = f"user{random.randrange(500)}"
    return {"event": own[0], "uuid": str(uuid4()), "distinct_id": person, "properties": properties | own[1]}


if __name__ == "__main__":
    main()
