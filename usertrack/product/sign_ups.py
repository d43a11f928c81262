"""Sign-ups as Postgres knows them: before the log of events begins, and where no event is one."""

from collections.abc import Mapping
from datetime import datetime

from usertrack.core.errors import UsertrackError
from usertrack.core.period import as_utc
from usertrack.core.source_names import POSTGRES
from usertrack.engine.runner import Runner
from usertrack.product.scope import Scope


def log_begin(runner: Runner, until: datetime) -> datetime | None:
    """The time of the first event of anybody; None without any."""
    ((begin,),) = runner.table(runner.bind("posthog/log_begin", {"until": until})).rows
    return as_utc(begin) if begin else None


def sign_ups(runner: Runner, scope: Scope, since: datetime) -> Mapping[str, datetime] | None:
    """When each person of ``scope`` signed up, by e-mail, from ``since`` to its end.

    None where Postgres does not know it, and for a scope of events with a condition or of one user.
    """
    if scope.where or scope.user or not runner.has(POSTGRES):
        return None
    [table] = runner.run([runner.bind(f"{POSTGRES}/sign_ups", {"since": since, "until": scope.end})])
    if isinstance(table, UsertrackError):
        return None
    counted = None if scope.people is None else set(scope.people)
    return {email: as_utc(at) for email, at in table.rows if counted is None or email in counted}
