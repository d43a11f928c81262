"""Which source settings lead to, and never how one gets in: no password, key or token is looked at."""

from typing import Any
from urllib.parse import urlsplit

from usertrack.settings import Settings

_WHERE = ("host", "hostaddr", "port", "dbname", "user", "service", "options")  # options may choose a schema


def identities(settings: Settings) -> dict[str, str]:
    """A text for each source that is configured and can be told from others, the same for the same source."""
    known = {"posthog": _posthog(settings), "neon": _postgres(settings)}
    return {name: text for name, text in known.items() if text}


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
    from psycopg.conninfo import conninfo_to_dict

    try:
        given = conninfo_to_dict(url)
    except (psycopg.Error, ValueError):  # ValueError: bytes that are no text
        return ""
    otherwise = {option.keyword.decode(): (option.val or b"").decode() for option in psycopg.pq.Conninfo.get_defaults()}
    return " ".join(f"{name}={given.get(name) or otherwise.get(name) or ''}" for name in _WHERE)
