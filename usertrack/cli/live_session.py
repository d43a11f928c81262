"""Sources of live commands: the workspace's, or the demo's that `serve --demo-traffic` plays."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from usertrack.cli import diagnostics
from usertrack.core.errors import ConnectionFailed

if TYPE_CHECKING:
    from usertrack.workspace.settings import Settings

REFRESH = timedelta(minutes=5)
"""So old may be what is known of people beside events."""


@contextmanager
def live_settings(settings: "Settings") -> Iterator["Settings"]:
    """Settings whose sources are live: for the demo, its running traffic and its accounts.

    Raises ConnectionFailed where nobody plays the demo's people.
    """
    if not settings.uses_demo:
        yield settings
        return
    from usertrack.demo.sources import open_last_demo
    from usertrack.demo.traffic.data import live_demo_folder
    from usertrack.server.database.lock import server_of
    from usertrack.workspace.demo_choice import cache_root
    from usertrack.workspace.setting import Setting

    url, key = server_of(live_demo_folder(cache_root()))
    if not url:
        raise ConnectionFailed(
            "nobody plays the demo's people",
            "run `usertrack serve --demo-traffic` in another terminal and, once it says that they are live, this one "
            "again; or connect your own with `usertrack login`",
        )
    with diagnostics.Progress() as progress:
        demo = open_last_demo(cache_root(), now=datetime.now(UTC), notify=progress)
    with closing(demo):
        options = {"posthog.host": url, "posthog.project_id": "1", "posthog.personal_api_key": key}
        options["postgres.url"] = demo.postgres_dsn()
        values = {name: Setting(value, "--demo") for name, value in options.items()}
        yield replace(settings, values={**settings.values, **values}, demo=False)
