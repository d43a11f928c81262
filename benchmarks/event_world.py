"""Generates a store of events: users sign up, go through an activation, use features and return for a while.

Each user also has an anonymous id, as before a signup. All is derived from hashes: the same size gives the same events.
"""

import shutil
import sys
import uuid
from contextlib import closing
from pathlib import Path

from usertrack.server.database.store import Store

BEGIN, DAYS = "2026-06-01 00:00:00", 120
"""The first moment (UTC), and how many days there are."""

PER_USER = 50
"""Events per user: ten million are of 200 000."""

VISIT = 8
"""The longest visit, in events."""

_NAMES = ("$pageview", "feature_used", "$pageview", "run_completed", "feature_used", "$pageview", "mcp_connect_clicked")
_STEPS = ("user_signed_up", "onboarding_started", "workspace_created", "first_item_created", "onboarding_completed")


def make(folder: Path, events: int) -> None:
    """A store of ``events`` in ``folder``; one that is there stays."""
    if folder.exists():
        return
    fresh = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}")
    with closing(Store(fresh)) as store:
        users = max(1, events // PER_USER)
        store.query(_persons(users))
        store.query(
            "INSERT INTO posthog.person_distinct_ids (distinct_id, person_id, version)"
            " SELECT arrayJoin([email, concat('browser-', toString(number))]), id, 1 FROM ("
            f" SELECT number, {_EMAIL} AS email, {_PERSON} AS id FROM numbers({users}))"
        )
        for part in range(0, events, 2_000_000):
            store.query(_events(users, part, min(events - part, 2_000_000)))
            print(f"{min(events, part + 2_000_000):,} events", file=sys.stderr)
        store.refresh_property_definitions()
    fresh.rename(folder)


_EMAIL = "concat('user', toString(number), '@example.com')"
_PERSON = "reinterpretAsUUID(sipHash128(number))"


def _persons(users: int) -> str:
    return f"""
        INSERT INTO posthog.persons (id, created_at, properties, is_identified, version)
        SELECT {_PERSON}, toDateTime64('{BEGIN}', 6, 'UTC') + toIntervalSecond({_begin("number")}),
            concat('{{"email":"', {_EMAIL}, '","plan":"',
                ['free', 'pro', 'team'][1 + cityHash64(number, 9) % 3], '"}}'),
            true, 1
        FROM numbers({users})"""


def _begin(user: str) -> str:
    """When a user's first event is, in seconds from BEGIN."""
    return f"cityHash64({user}, 1) % {DAYS * 86_400 * 3 // 4}"


def _events(users: int, first: int, count: int) -> str:
    """Half of all events are as many of each user: the steps of the activation, of which most take only some, then
    daily life. The other half is of the busy: the busiest of 200 000 has some 10 000.

    Eight in a row are of one user, in one or two visits of one to eight events, a minute apart or so."""
    return f"""
        INSERT INTO posthog.events
            (uuid, event, properties, timestamp, distinct_id, person_id, created_at, person_mode, `$session_id`)
        WITH intDiv(number, {VISIT}) AS row, number % {VISIT} AS place,
            intDiv(row, {users}) * {VISIT} + place AS nth,
            toUInt64(nth - place < {PER_USER // 2 - VISIT} ? row % {users}
                : {users} * pow(cityHash64(row, 8) % 1000000 / 1000000, 2)) AS user,
            cityHash64(user, 2) % {len(_STEPS)} + 1 AS steps, cityHash64(number, 3) AS dice,
            nth < steps AS activating,
            toDateTime64('{BEGIN}', 6, 'UTC') + toIntervalSecond({_begin("user")}) AS begun,
            least(DAYS_LEFT, 1 + exp2(cityHash64(user, 4) % 8)) AS stays,
            row * 2 + (place >= cityHash64(row, 10) % {VISIT}) AS visit,
            activating ? begun + toIntervalSecond(nth * (60 + dice % 7200))
                : begun + toIntervalSecond(cityHash64(visit, 11) % toUInt64(86400 * stays))
                    + toIntervalSecond(place * (10 + dice % 90)) AS at
        SELECT reinterpretAsUUID(sipHash128(number, 'event')),
            activating ? {list(_STEPS)}[toUInt8(nth + 1)] : {list(_NAMES)}[1 + dice % {len(_NAMES)}],
            concat('{{"$pathname":"/', ['home', 'pricing', 'docs', 'app', 'settings'][1 + dice % 5], '/',
                toString(cityHash64(dice, 5) % 40), '","$browser":"', ['Chrome', 'Safari', 'Firefox'][1 + user % 3],
                '","$os":"', ['Mac OS X', 'Windows', 'Linux'][1 + intDiv(user, 3) % 3],
                '","$device_type":"', ['Desktop', 'Mobile'][1 + intDiv(user, 7) % 2],
                '","$geoip_country_code":"', ['US', 'DE', 'FR', 'GB', 'IN', 'BR'][1 + cityHash64(user, 6) % 6],
                '","feature":"feature_', toString(cityHash64(dice, 7) % 40), '","category":"category_',
                toString(cityHash64(dice, 7) % 40 % 6), '"}}'),
            at, nth = 0 ? concat('browser-', toString(user)) : concat('user', toString(user), '@example.com'),
            reinterpretAsUUID(sipHash128(user)), at, 'full',
            toString(reinterpretAsUUID(sipHash128(activating ? user * 2 + 1 : visit * 2)))
        FROM numbers({first}, {count})""".replace("DAYS_LEFT", f"({DAYS} - ({_begin('user')}) / 86400)")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    if "--anew" in sys.argv:
        shutil.rmtree(target, ignore_errors=True)
    make(target, int(float(sys.argv[2])))
