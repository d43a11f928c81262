"""Sends random requests to every endpoint of a server, with its keys; by hand: ``python fuzzer.py COUNT SEED``.

A request is a valid one in which some values were replaced, so that most of it is read before something is wrong.
"""

import copy
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from capture_fixtures import AppThread
from query_fixtures import ANN, KEY, SETTINGS, TOKEN, fill
from starlette.routing import Route

from usertrack.server.database.store import Store

ENDLESS = {"/events", "/events/"}
VALUES: list[Any] = [
    *("", "a", "\0", "a\0b", "\ud800", "é" * 300, "'", "`", "{x}", "}", "%s", "-1", "1e999", "9" * 400, "2026-01-01"),
    *("SELECT 1", "now()", "-30d", "day", "buy", "price", "properties.a", "(" * 5_000, ANN, TOKEN, "phx_no", "../x"),
    *(0, -1, 1, 2**31, 2**63, 2**64, 10**30, 10**400, 0.1, 1e308, float("nan"), float("inf"), True, False, None),
    *([], {}, [[]], ["a", None], {"a": 1}, {"": None}, [1] * 3000),
]
TEXTS = [value for value in VALUES if isinstance(value, str)]
EVENT = {
    "event": "$identify",
    "distinct_id": "d1",
    "uuid": "0190a0b0-0000-7000-8000-000000000001",
    "timestamp": "2026-01-05T10:00:00Z",
    "offset": 5,
    "properties": {"a": 1, "$set": {"email": "a@x.io"}, "$groups": {"company": "acme"}, "$anon_distinct_id": "d2"},
}
NODE = {"kind": "EventsNode", "event": "buy", "math": "total", "math_property": "price", "properties": []}
FILTER = {"type": "event", "key": "price", "operator": "gt", "value": 1}
QUERIES: list[dict[str, Any]] = [
    *(
        {"kind": "HogQLQuery", "query": text, "values": {"x": 1}, "filters": {"properties": [FILTER]}}
        for text in (
            "SELECT count() FROM events WHERE properties.a > {x}",
            "SELECT properties.price = {x}, timestamp > {x}, person.properties.age FROM events WHERE {filters}",
            "SELECT {x} IN (1), event LIKE {x}, [1][{x}] FROM events",
            "SELECT id, properties.email FROM persons WHERE id = {x} LIMIT 5",
            "SELECT toDateTime({x}), substring({x}, 1), JSONExtractString({x}, 'a'), arrayMap(y -> y + {x}, [1])",
        )
    ),
    {"kind": "TrendsQuery", "series": [NODE], "interval": "day", "dateRange": {"date_from": "-30d", "date_to": None},
     "breakdownFilter": {"breakdown": "price", "breakdown_type": "event"}, "trendsFilter": {"display": "BoldNumber"}},
    {"kind": "FunnelsQuery", "series": [NODE, NODE], "dateRange": {"date_from": "-30d"},
     "funnelsFilter": {"funnelWindowInterval": 14, "funnelWindowIntervalUnit": "day", "funnelOrderType": "ordered"}},
    {"kind": "RetentionQuery", "retentionFilter": {"period": "Day", "totalIntervals": 3, "targetEntity": NODE}},
    {"kind": "LifecycleQuery", "series": [NODE], "interval": "day", "dateRange": {"date_from": "-7d"}},
    {"kind": "StickinessQuery", "series": [NODE], "interval": "day", "dateRange": {"date_from": "-7d"}},
    {"kind": "ErrorTrackingQuery", "status": "active", "limit": 5, "orderBy": "last_seen"},
]  # fmt: skip
BODIES: list[Any] = [
    {
        "api_key": TOKEN,
        "batch": [EVENT, EVENT],
        "sent_at": "2026-01-05T10:00:00Z",
        "created_at": "2026-01-05T10:00:00Z",
    },
    {"apiKey": TOKEN, "userId": "ann", "events": [{"type": "route", "route": "/"}, {"type": "error", "message": "m"}]},
    {"name": "n", "description": "d", "is_static": True, "_create_static_person_ids": [ANN], "person_ids": [ANN]},
    {"name": "n", "tags": ["t"], "query": {"kind": "InsightVizNode", "source": QUERIES[5]}, "deleted": False},
    {"ids": [ANN], "distinct_ids": ["d1"], "delete_events": True, "email": "ann@x.io", "key": "k", "dry_run": True},
    {"before": "2020-01-01", "internal": ["x.io"], "others": [], "dry_run": True},
    *({"query": query, "refresh": "blocking", "client_query_id": "q", "async": False} for query in QUERIES),
]
FITTING = {
    "/batch": (0,),
    "/e": (0,),
    "/i/": (0,),
    "/capture": (0,),
    "/api/track": (1,),
    "/cohorts": (2,),
    "/insights": (3,),
    "/persons": (4,),
    "/usertrack": (4, 5),
    "/query": range(6, 6 + len(QUERIES)),
}  # which of the bodies an address understands
PARAMETERS = [
    *("limit", "offset", "search", "short_id", "event_names", "refresh", "data", "_", "sent_at", "compression"),
    *("status", "distinct_id", "basic", "type", "properties"),
]
V1 = {
    "posthog-sdk-info": "posthog-python/7.0.0", "posthog-attempt": "1", "posthog-request-id": "r", "user-agent": "u",
    "posthog-request-timestamp": "2026-01-05T10:00:00Z", "content-type": "application/json",
}  # fmt: skip


def requests(routes: list[Route], count: int, seed: int) -> Iterator[tuple[str, str, bytes, dict[str, str]]]:
    """Yield method, path, body and headers of ``count`` random requests."""
    chance = random.Random(seed)
    asking = [route for route in routes if route.path.strip("/").endswith(("/query", "batch", "v1/analytics/events"))]
    for _ in range(count):
        route = chance.choice(asking if chance.random() < 0.4 else routes)
        method = chance.choice(sorted(route.methods or {"GET"}))
        names = {"project_id": "1", "token": TOKEN, "name": "q", "id": ANN}
        parts = {
            name: names.get(name, "1") if chance.random() < 0.6 else _text(chance) for name in route.param_convertors
        }
        path = route.path
        for name, value in parts.items():
            path = path.replace(f"{{{name}}}", quote(value.encode(errors="surrogatepass"), safe="") or "x")
        keys = chance.sample(PARAMETERS, chance.randrange(3))
        query = "&".join(f"{key}={quote(_text(chance).encode(errors='surrogatepass'))[:9000]}" for key in keys)
        fitting = [number for part, numbers in FITTING.items() if part in path for number in numbers]
        number = chance.choice(fitting if fitting and chance.random() < 0.8 else range(len(BODIES)))
        body = _mutated(copy.deepcopy(BODIES[number]), chance)
        text = json.dumps(body, ensure_ascii=chance.random() < 0.5).encode(errors="surrogatepass")
        if chance.random() < 0.05:
            text = chance.randbytes(chance.randrange(200))
        key = TOKEN if "i/v1" in path else KEY
        yield method, f"{path}?{query}"[:60_000], text, V1 | {"Authorization": f"Bearer {key}"}


def _text(chance: random.Random) -> str:
    return str(chance.choice(TEXTS))


def _mutated(value: Any, chance: random.Random) -> Any:
    """``value`` in which each part may have become another value, or be missing."""
    if chance.random() < 0.06:
        return copy.deepcopy(chance.choice(VALUES))
    if isinstance(value, dict):
        kept = {name: _mutated(item, chance) for name, item in value.items() if chance.random() > 0.04}
        return kept | ({_text(chance): chance.choice(VALUES)} if chance.random() < 0.04 else {})
    return [_mutated(item, chance) for item in value] if isinstance(value, list) else value


def fuzz(store: Store, count: int, seed: int) -> tuple[Counter[int], list[str]]:
    """Send ``count`` requests; return how many had each status, and those that were answered with 5xx."""
    statuses, failed = Counter[int](), list[str]()
    with AppThread(store, SETTINGS) as server, httpx.Client(base_url=server.url, timeout=60) as http:
        known = [route for route in server.app.routes if isinstance(route, Route) and route.path not in ENDLESS]
        for method, path, body, headers in requests(known, count, seed):
            try:
                status = http.request(method, path, content=body, headers=headers).status_code
            except (httpx.InvalidURL, httpx.LocalProtocolError):
                continue
            statuses[status] += 1
            if status >= 500:
                failed.append(f"{status} {method} {path[:200]} {body[:2000]!r}")
    return statuses, failed


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, closing(Store(Path(folder))) as world:
        fill(world)
        counts, failures = fuzz(world, int(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.write("\n".join([str(dict(sorted(counts.items()))), *failures[:20], ""]))
