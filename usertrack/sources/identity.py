"""Which source settings lead to, and never how one gets in: no password, key or token is looked at."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from usertrack.workspace.settings import Settings

_WHERE = ("host", "hostaddr", "port", "dbname", "user", "service", "options")  # options may choose a schema


def identities(settings: Settings) -> dict[str, str]:
    """A text for each source that is configured and can be told from others, the same for the same source."""
    known = {"posthog": _posthog(settings), "neon": _postgres(settings)}
    return {name: text for name, text in known.items() if text}


def origin_of(settings: Settings, now: datetime) -> str:
    """Which sources these are, in words for people: of history, of a report."""
    if settings.uses_demo:
        from usertrack.workspace.demo_choice import cache_root, chosen_demo_folder

        return chosen_demo_folder(cache_root(), now=now).name
    posthog = urlsplit(settings["posthog.host"]).netloc + f"/{settings['posthog.project_id']}"
    return " + ".join(filter(None, [posthog if settings.has_posthog else "", database_of(settings)]))


def database_of(settings: Settings) -> str:
    """``host/database``, or Neon's ``project/database``, in words for people; nothing without Postgres."""
    if settings.uses_demo or not settings.has_postgres:
        return ""
    if not settings["postgres.url"]:
        return f"{settings['neon.project_id']}/{settings['neon.database']}"
    given = _given(str(settings["postgres.url"]))
    if given is None:
        return "unreadable address"
    port = "" if str(given.get("port") or 5432) == "5432" else f":{given['port']}"
    return f"{given.get('host') or ''}{port}/{given.get('dbname') or ''}"


def _posthog(settings: Settings) -> str:
    """`@current` is whichever project the key opens, so nobody can tell which one it is without the key."""
    project = str(settings["posthog.project_id"] or "")
    return f"{_host(settings['posthog.host'])} {project}" if settings.has_posthog and project.isdecimal() else ""


def _postgres(settings: Settings) -> str:
    if settings["postgres.url"]:
        return _where(str(settings["postgres.url"]))
    if settings["neon.api_key"] is None:
        return ""
    names = [settings[f"neon.{name}"] for name in ("project_id", "database", "role")]
    return " ".join(map(str, [_host(settings["neon.api"]), *names]))


def _host(address: Any) -> str:
    parts = urlsplit(str(address))
    return f"{parts.hostname}:{parts.port or ''}{parts.path.rstrip('/')}"


def _where(url: str) -> str:
    """Where libpq would connect, environment and defaults included; nothing for what is no address."""
    import psycopg

    given = _given(url)
    if given is None:
        return ""
    otherwise = {option.keyword.decode(): (option.val or b"").decode() for option in psycopg.pq.Conninfo.get_defaults()}
    return " ".join(f"{name}={given.get(name) or otherwise.get(name) or ''}" for name in _WHERE)


def _given(url: str) -> dict[str, Any] | None:
    """What a connection string of either form says; None for what is none."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        return dict(conninfo_to_dict(url))
    except (psycopg.Error, ValueError):  # ValueError: bytes that are no text
        return None
