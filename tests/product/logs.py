"""A log of events captured into an embedded store, and asked as the command line asks: over the Runner."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from usertrack.engine.runner import Runner
from usertrack.library.library import Library, shipped_root
from usertrack.product.scope import Scope
from usertrack.server.app import create_app
from usertrack.server.database.store import Store
from usertrack.sources.posthog import PAGE_ROWS, PostHog
from usertrack.workspace.settings import load_settings

from ..server.capture_fixtures import SETTINGS, Client
from ..sources.wires import Wire

LIBRARY = Library([shipped_root() / "queries"])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def capture(client: Client, lines: Iterable[str], merged: dict[str, str] | None = None) -> None:
    """Lines such as ``p1 | $pageview | 2020-01-01 12:00:00, … | plan=pro``; ``merged`` ids become aliases of others."""
    events: list[dict[str, Any]] = []
    for alias, person in (merged or {}).items():
        properties = {"alias": alias, "distinct_id": person}
        event = {"event": "$create_alias", "distinct_id": person, "properties": properties}
        events.append({**event, "timestamp": "2019-01-01T00:00:00Z"})
    for line in lines:
        person, name, times, *more = (part.strip() for part in line.split("|"))
        pairs = (pair.partition("=") for pair in "".join(more).split())
        properties = {key: value for key, _, value in pairs}
        for time in times.split(", "):
            stamp = time.replace(" ", "T") + "Z"
            events.append({"event": name, "distinct_id": person, "timestamp": stamp, "properties": properties})
    if events:
        assert client.batch(*events, historical_migration=True).json() == {"status": 1}


@contextmanager
def asking(store: Store, as_of: datetime, zone: str = "UTC", page_rows: int = PAGE_ROWS) -> Iterator[Runner]:
    transport: httpx.AsyncBaseTransport
    transport = httpx.ASGITransport(app=create_app(store, SETTINGS), raise_app_exceptions=False)
    if page_rows != PAGE_ROWS:
        transport = Wire(transport)  # parquet has no pages
    key = SETTINGS.personal_api_key
    source = PostHog(
        "http://test", "1", key, lambda text, *, passing=False: None, transport=transport, page_rows=page_rows
    )
    settings = load_settings(env={"USERTRACK_TIMEZONE": zone}, workspace=Path(__file__).parent)
    with Runner(settings, LIBRARY, as_of, {"posthog": source}) as runner:
        yield runner


def insight(client: Client, kind: str, **node: Any) -> list[dict[str, Any]]:
    """What the server answers when it is asked for an insight."""
    body = {"query": {"kind": kind, **node}}
    headers = {"Authorization": f"Bearer {SETTINGS.personal_api_key}"}
    answer = client.http.post("/api/projects/1/query/", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def scope_of(since: str, until: str, interval: Any = "day", **more: Any) -> Scope:
    """The window from one moment to another, long after which it is asked about."""
    return Scope(at(since), at(until), more.pop("as_of", at(until) + timedelta(days=999)), interval, **more)
