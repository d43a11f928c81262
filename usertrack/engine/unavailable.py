"""Stand-ins for sources that cannot be asked, and the errors that they answer with."""

from usertrack.core.errors import ConnectionFailed, UsageError
from usertrack.core.source_names import POSTGRES
from usertrack.core.spool import Spool
from usertrack.core.table import Table
from usertrack.library.query import Statement

NAMES = {"posthog": "PostHog", POSTGRES: "Postgres"}
CONNECT = {
    "posthog": (
        "run `usertrack login`, or set POSTHOG_PROJECT_ID and POSTHOG_PERSONAL_API_KEY, in .env beside usertrack.yaml "
        "or in the environment; "
        "without PostHog write `events: none` into usertrack.yaml"
    ),
    POSTGRES: (
        "run `usertrack login`, or set DATABASE_URL, in .env beside usertrack.yaml or in the environment, or on Neon "
        "NEON_API_KEY, neon.project_id and neon.database; "
        "without Postgres write `tables: none` into usertrack.yaml"
    ),
}


class NotCached(ConnectionFailed):
    """Only the cache may answer (`--offline`), and it has no answer."""

    code = "not_kept"


class Misconfigured:
    """A source whose settings are incomplete: every query fails with that error."""

    def __init__(self, error: UsageError) -> None:
        self.error = error

    async def run(self, statement: Statement, spool: Spool) -> Table:
        raise self.error

    async def close(self) -> None:
        pass


class CacheOnly:
    """A source that may not be asked, because of `--offline`. ``is_cached``: whether its answers are cached at all."""

    def __init__(self, *, is_cached: bool) -> None:
        self._hint = "ask once without --offline" if is_cached else "only the project's number tells it from others"

    async def run(self, statement: Statement, spool: Spool) -> Table:
        raise NotCached(f"{statement.name} is not in the cache; {self._hint}")

    async def close(self) -> None:
        pass
