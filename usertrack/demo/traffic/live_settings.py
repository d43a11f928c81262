"""The sources of what is live: the workspace's, or the demo's that `serve --demo-traffic` plays."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from usertrack.core.errors import ConnectionFailed
from usertrack.core.notify import Notify
from usertrack.workspace.settings import Settings

_POLL = 0.2  # seconds


@contextmanager
def live_settings(settings: Settings, progress: Callable[[], AbstractContextManager[Notify]]) -> Iterator[Settings]:
    """Settings whose sources are live: for the demo, its running traffic and its accounts.

    Waits while the traffic is being prepared; ``progress`` shows that. Raises ConnectionFailed where nobody plays the
    demo's people.
    """
    if not settings.uses_demo:
        yield settings
        return
    from usertrack.demo.sources import open_last_demo
    from usertrack.workspace.demo_choice import cache_root
    from usertrack.workspace.setting import Setting

    url, key = _playing_server(progress)
    if not url:
        raise ConnectionFailed(
            "nobody plays the demo's people",
            "`usertrack serve --demo-traffic` does, while it runs; or connect your own product with `usertrack login`",
        )
    with progress() as notify:
        demo = open_last_demo(cache_root(), now=datetime.now(UTC), notify=notify)
    with closing(demo):
        options = {"posthog.host": url, "posthog.project_id": "1", "posthog.personal_api_key": key}
        options["postgres.url"] = demo.postgres_dsn()
        values = {name: Setting(value, "--demo") for name, value in options.items()}
        yield replace(settings, values={**settings.values, **values}, demo=False)


def _playing_server(progress: Callable[[], AbstractContextManager[Notify]]) -> tuple[str, str]:
    """Address and key of the server that plays the demo's people; "" where nobody does, nor is about to."""
    from usertrack.demo.traffic.data import is_beginning, live_demo_folder
    from usertrack.server.database.lock import server_of
    from usertrack.workspace.demo_choice import cache_root

    root = cache_root()
    folder = live_demo_folder(root)
    began = time.monotonic()
    with progress() as notify:
        is_first = True
        while is_beginning(root):
            waited = time.monotonic() - began
            message = f"another usertrack prepares the demo's people: waiting for {waited:.0f} s; Ctrl-C ends this"
            notify(message, passing=True, unseen=is_first)
            is_first = False
            time.sleep(_POLL)
    return server_of(folder)
