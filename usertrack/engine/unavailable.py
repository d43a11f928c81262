"""What stands in the place of a source that cannot be asked: it answers with the reason."""

from usertrack.core.errors import ConnectionFailed, UsageError
from usertrack.core.spool import Spool
from usertrack.core.table import Table
from usertrack.library.library import Statement

NAMES = {"posthog": "PostHog", "neon": "Postgres"}
CONNECT = {
    "posthog": "set POSTHOG_PROJECT_ID and POSTHOG_PERSONAL_API_KEY",
    "neon": "set DATABASE_URL, or NEON_API_KEY with neon.project_id and neon.database in usertrack.yaml",
}


class NotConnected(ConnectionFailed):
    """Nobody has said where this source is."""

    code = "not_connected"


class NotCached(ConnectionFailed):
    """The cache alone may answer, and has nothing."""

    code = "not_kept"


class Misconfigured:
    """Stands in the place of a source whose settings lack something: to whoever asks it is as good as down."""

    def __init__(self, error: UsageError) -> None:
        self.error = error

    async def run(self, statement: Statement, spool: Spool) -> Table:
        raise self.error

    async def close(self) -> None:
        pass


class CacheOnly:
    """Stands in the place of a source that may not be asked."""

    def __init__(self, *, is_cached: bool) -> None:
        self._hint = "ask once without --offline" if is_cached else "only the project's number tells it from others"

    async def run(self, statement: Statement, spool: Spool) -> Table:
        raise NotCached(f"{statement.name} is not in the cache; {self._hint}")

    async def close(self) -> None:
        pass
