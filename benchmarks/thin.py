"""Reduces the events of the last demo to about the number in its argument, at random.

The demo's visitors grow with its accounts: a demo of a million accounts has more events than some benchmarks need.
"""

import contextlib
import sys
from datetime import UTC, datetime

from plan import silent

from usertrack.demo.sources import open_last_demo
from usertrack.server.database.store import Store
from usertrack.workspace.demo_choice import cache_root

_PARTS = 1_000_000


def thin(target: int) -> int:
    """Remove events until about ``target`` are left; returns their number."""
    demo = open_last_demo(cache_root(), now=datetime.now(UTC), notify=silent)
    with contextlib.closing(Store(demo.store_path)) as store:
        ((events,),) = store.rows("SELECT toUInt32(count()) FROM posthog.events")
        if events > 1.01 * target:
            too_many = f"cityHash64(uuid) % {_PARTS} >= {_PARTS * target // events}"
            store.query(f"ALTER TABLE posthog.events DELETE WHERE {too_many} SETTINGS mutations_sync = 2")
        ((left,),) = store.rows("SELECT toUInt32(count()) FROM posthog.events")
    return int(left)


if __name__ == "__main__":
    print(f"{thin(int(sys.argv[1])):,} events")
