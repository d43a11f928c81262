"""Events in a file, asked with the same queries: the file is imported into a store that is gone afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from usertrack.core.notify import Notify
from usertrack.core.period import as_utc, parse_moment
from usertrack.core.temporary import temporary_folder
from usertrack.engine.runner import Runner
from usertrack.library.library import Library
from usertrack.workspace.settings import Settings

_TOKEN, _KEY = "phc_file", "phx_file"  # client and server are both in this process


@contextmanager
def runner_on_file(
    path: Path, settings: Settings, library: Library, *, now: datetime, notify: Notify
) -> Iterator[Runner]:
    """A runner whose PostHog holds the events of ``path``, a file that `usertrack import events` reads.

    It answers for `--as-of`, else for the moment of the file's last event. Raises UsageError for a file that cannot be
    imported.
    """
    from contextlib import closing

    import httpx

    from usertrack.server.app import create_app
    from usertrack.server.database.store import Store
    from usertrack.server.http.server_settings import ServerSettings
    from usertrack.server.imports.events import ImportOptions
    from usertrack.server.imports.load import import_file
    from usertrack.sources.posthog import PostHog

    def passing(message: str, **_: bool) -> None:
        notify(message, passing=True)

    with temporary_folder() as folder, closing(Store(folder)) as store:
        options = ImportOptions(path, path, zone=settings["timezone"])
        imported = import_file(store, options, _TOKEN, now, passing)
        last = as_utc(imported.last) + timedelta(seconds=1)
        as_of = parse_moment(settings["as_of"], settings["timezone"]) if settings["as_of"] else last
        server_settings = ServerSettings(project_token=_TOKEN, personal_api_key=_KEY, now=max(as_of, last))
        transport = httpx.ASGITransport(app=create_app(store, server_settings), raise_app_exceptions=False)
        source = PostHog("http://file", "1", _KEY, notify, timeout=settings["posthog.timeout"], transport=transport)
        with Runner(settings, library, as_of, {"posthog": source}) as runner:
            yield runner
