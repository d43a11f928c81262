"""A workspace whose events are those of a running embedded PostHog, and people who do something there."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.live.alerts.signals import signal
from tests.server.capture_fixtures import TOKEN, AppThread, Client, empty, shared_store
from usertrack.server.capture.persons import first_person_id
from usertrack.server.database.store import Store
from usertrack.web.live.actions import open_desk
from usertrack.workspace.settings import Settings, load_settings

FILES = {
    "usertrack.yaml": "history: off\ninternal: [own.example]\n",
    "segments.yaml": """
profile: {key: email, queries: [posthog/people]}
sets:
  action: {precedence: [all], segments: {all: {name: All, when: "true"}}}
""",
    "patterns.yaml": """
facts: {tier: "CASE WHEN email LIKE 'paid%' THEN 'paid' ELSE 'trial' END"}
patterns:
  errors: {when: {count: $exception, more_than: 3, within: 5m}, because: "{count} errors in 5 minutes"}
notifications: {call_url: "https://meet.example/{email}"}
""",
}
"""A workspace with as few queries as there can be."""


class Company:
    """``client`` sends events to its PostHog."""

    def __init__(self, server: AppThread, client: Client, settings: Settings) -> None:
        self._server, self.client, self.settings = server, client, settings

    def has_no_livestream(self) -> None:
        """As PostHog Cloud, whose own has another address and key."""
        self._server.app.router.routes = [
            each for each in self._server.app.routes if getattr(each, "path", "") != "/events"
        ]

    def come(self, email: str, path: str = "/pricing/17", **properties: Any) -> float:
        """Somebody logs in, and looks at a page; when that was acknowledged."""
        identity = {"event": "$identify", "properties": {"$set": {"email": email}, "$pathname": path}}
        self.client.send({**identity, "distinct_id": email})
        return self.do(email, "$pageview", path, **properties)

    def do(self, email: str, event: str, path: str = "/pricing/17", **properties: Any) -> float:
        self.client.send({"event": event, "distinct_id": email, "properties": {"$pathname": path, **properties}})
        return time.time()

    def person(self, email: str) -> str:
        """The id of somebody who came."""
        return first_person_id(TOKEN, email)

    def alert(self, email: str, person: str = "", pattern: str = "stuck", **details: Any) -> str:
        """An alert about somebody, since now; its key."""
        now, facts = datetime.now(UTC), {"email": email, **details}
        fired = signal(pattern, person=person or email, facts=facts, because="4 errors in 5 minutes")
        with open_desk(self.settings, now) as desk:
            desk.receive([fired.__class__(**{**_fields(fired), "at": now})], now)
        return fired.key


def _fields(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


@pytest.fixture
def company(shared_store: Store, tmp_path: Path) -> Iterator[Company]:
    with AppThread(empty(shared_store)) as server:
        for name, text in FILES.items():
            (tmp_path / name).write_text(text)
        env = {"POSTHOG_HOST": server.url, "POSTHOG_PROJECT_ID": "1", "POSTHOG_PERSONAL_API_KEY": "phx_test"}
        yield Company(server, Client(server.url, shared_store), load_settings(workspace=tmp_path, env=env))


__all__ = ["Company", "company", "shared_store"]
