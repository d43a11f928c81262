"""Tries what somebody is about to log in with: a key on its project of PostHog, and the address of a database."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from usertrack.checks.finding import Finding
from usertrack.checks.postgres_role import ABOUT_POSTGRES, postgres_findings
from usertrack.core.errors import UsageError, UsertrackError
from usertrack.core.notify import Notify
from usertrack.core.spool import Spool
from usertrack.core.temporary import temporary_folder
from usertrack.sources.http import LacksScope
from usertrack.sources.identity import without_password
from usertrack.sources.postgres import Postgres
from usertrack.sources.posthog import PostHog
from usertrack.workspace.settings import Settings, settings_of_values

_READS = {
    "insight:read": ("insights/?limit=1", "saved insights"),
    "event_definition:read": ("event_definitions/?limit=1", "`usertrack events`"),
    "property_definition:read": ("property_definitions/?limit=1", "`usertrack properties`"),
    "cohort:read": ("cohorts/?limit=1", "`push --to posthog-cohort`"),
    "person:read": ("persons/?limit=1", "`push --to posthog-cohort` and `privacy`"),
}
"""Scopes beside query:read and project:read, with what asks for one and what needs it. Those that write are not tried:
that would change something.
"""
_LONGEST = 30  # seconds for one request


@dataclass(frozen=True)
class Access:
    """The rights of the key: the project's name ('' if it may not read that), and the scopes it lacks, with their use.

    ``email`` is that of its owner; '' where PostHog does not tell.
    """

    project: str
    missing: Mapping[str, str]
    email: str = ""


def try_posthog(host: str, project_id: str, key: str, notify: Notify) -> Access:
    """Raises a UsertrackError where the key cannot query the project."""
    values = {"posthog.host": host, "posthog.project_id": project_id, "posthog.personal_api_key": key}
    return asyncio.run(_access(settings_of_values({**values, "posthog.timeout": _LONGEST}), notify))


async def _access(settings: Settings, notify: Notify) -> Access:
    posthog = PostHog.from_settings(settings, notify)
    try:
        await posthog.query({"kind": "HogQLQuery", "query": "SELECT 1"}, "login")
        about = await posthog.about()
        email = await _email(posthog)
        lacks = await asyncio.gather(*(_lacks(posthog, path) for path, _ in _READS.values()))
    finally:
        await posthog.close()
    missing = {} if about else {"project:read": "times in the project's timezone"}
    missing |= {scope: use for (scope, (_, use)), is_lacking in zip(_READS.items(), lacks, strict=True) if is_lacking}
    return Access(str(about.get("name") or ""), missing, email)


async def _email(posthog: PostHog) -> str:
    try:
        return str((await posthog.call("GET", "/api/users/@me/")).get("email") or "")
    except UsertrackError:
        return ""  # a key of one project alone may not ask


async def _lacks(posthog: PostHog, path: str) -> bool:
    try:
        await posthog.call("GET", path)
    except LacksScope:
        return True
    except UsertrackError:
        pass  # not about the scope
    return False


def try_postgres(url: str, notify: Notify) -> list[Finding]:
    """Return the answer of Postgres, and as whom; raises a UsertrackError where nothing answers."""
    settings = settings_of_values({"postgres.url": url, "postgres.timeout": _LONGEST})
    with temporary_folder() as folder:
        findings = asyncio.run(_about(Postgres.from_settings(settings, notify), Spool(folder)))
    if not without_password(url):
        raise UsageError("the address names no host and no database", "write postgresql://user:password@host/database")
    return findings


async def _about(postgres: Postgres, spool: Spool) -> list[Finding]:
    try:
        return postgres_findings(await postgres.run(ABOUT_POSTGRES, spool))
    finally:
        await postgres.close()
