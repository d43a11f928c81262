"""Texts that identify the configured sources, without reading a password, key or token."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from usertrack.core.source_names import POSTGRES
from usertrack.workspace.postgres_address import for_libpq
from usertrack.workspace.settings import Settings

_ADDRESS_PARTS = ("host", "hostaddr", "port", "dbname", "user", "service", "options")  # options may choose a schema


def identities(settings: Settings) -> dict[str, str]:
    """Source → a text that is the same for the same source. Sources that cannot be identified are left out."""
    known = {"posthog": _posthog(settings), POSTGRES: _postgres(settings)}
    return {name: text for name, text in known.items() if text}


def origin_of(settings: Settings, now: datetime) -> str:
    """The sources in words, for the history and reports."""
    if settings.uses_demo:
        from usertrack.workspace.demo_choice import cache_root, chosen_demo_folder

        return chosen_demo_folder(cache_root(), now=now).name
    posthog = urlsplit(settings["posthog.host"]).netloc + f"/{settings['posthog.project_id']}"
    return " + ".join(filter(None, [posthog if settings.has_posthog else "", database_of(settings)]))


def database_of(settings: Settings) -> str:
    """``host/database``, or Neon's ``project/database``, in words; '' without Postgres."""
    if settings.uses_demo or not settings.has_postgres:
        return ""
    if not settings.is_set("postgres.url"):
        return f"{settings['neon.project_id']}/{settings['neon.database']}"
    return place_of(settings.address("postgres.url"))


def place_of(address: str) -> str:
    """``host/database`` of a connection URI or string, in words."""
    parts = _connection_parts(address)
    if parts is None:
        return "unreadable address"
    port = "" if str(parts.get("port") or 5432) == "5432" else f":{parts['port']}"
    return f"{parts.get('host') or ''}{port}/{parts.get('dbname') or ''}"


def _posthog(settings: Settings) -> str:
    """Host and project; '' for `@current`, which means another project for another key."""
    project = str(settings["posthog.project_id"] or "")
    return f"{_host(settings['posthog.host'])} {project}" if settings.has_posthog and project.isdecimal() else ""


def _postgres(settings: Settings) -> str:
    if settings.is_set("postgres.url"):
        return _libpq_address(settings.address("postgres.url"))
    if not settings.is_set("neon.api_key"):
        return ""
    names = [settings[f"neon.{name}"] for name in ("project_id", "database", "role")]
    return " ".join(map(str, [_host(settings["neon.api"]), *names]))


def _host(address: object) -> str:
    parts = urlsplit(str(address))
    return f"{parts.hostname}:{parts.port or ''}{parts.path.rstrip('/')}"


def _libpq_address(url: str) -> str:
    """The address that libpq would connect to, with environment and defaults; '' for an invalid address."""
    import psycopg

    parts = _connection_parts(url)
    if parts is None:
        return ""
    defaults = {option.keyword.decode(): (option.val or b"").decode() for option in psycopg.pq.Conninfo.get_defaults()}
    return " ".join(f"{name}={parts.get(name) or defaults.get(name) or ''}" for name in _ADDRESS_PARTS)


def without_password(url: str) -> str:
    """A connection URI or string without its password, as libpq writes it; '' for an invalid one."""
    from psycopg.conninfo import make_conninfo

    parts = _connection_parts(url) or {}
    return make_conninfo(**{name: part for name, part in parts.items() if name in _ADDRESS_PARTS})


def _connection_parts(url: str) -> dict[str, Any] | None:
    """The parts of a connection URI or string; None when it is invalid."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        return dict(conninfo_to_dict(for_libpq(url)))
    except (psycopg.Error, ValueError):  # ValueError: bytes that are no text
        return None
