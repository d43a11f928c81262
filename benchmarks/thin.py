"""Leaves about as many events in the chosen demo as its argument says, a random part of each person's.

The demo's visitors grow with its accounts: a world of a million accounts has more events than some questions want.
"""

import contextlib
import sys
from datetime import UTC, datetime

from plan import silent

from usertrack.demo.sources import open_last_demo
from usertrack.server.database.store import Store
from usertrack.workspace.demo_choice import cache_root

_PARTS = 1_000_000


def thin(wanted: int) -> int:
    """Remove events until some ``wanted`` are left, and return how many are."""
    demo = open_last_demo(cache_root(), now=datetime.now(UTC), notify=silent)
    with contextlib.closing(Store(demo.store_path)) as store:
        ((events,),) = store.rows("SELECT toUInt32(count()) FROM posthog.events")
        if events > 1.01 * wanted:
            too_many = f"cityHash64(uuid) % {_PARTS} >= {_PARTS * wanted // events}"
            store.query(f"ALTER TABLE posthog.events DELETE WHERE {too_many} SETTINGS mutations_sync = 2")
        ((left,),) = store.rows("SELECT toUInt32(count()) FROM posthog.events")
    return int(left)


if __name__ == "__main__":
    print(f"{thin(int(sys.argv[1])):,} events")
