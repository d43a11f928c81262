"""Gets the connection URI of a database from Neon's API, where an API key is configured instead of a URI."""

import os
from urllib.parse import quote, urlsplit

import httpx

from usertrack.core.errors import ConnectionFailed, SourceBusy, UsageError
from usertrack.core.tls import tls
from usertrack.workspace.destinations import LIBPQ_SECRETS, require_allowed
from usertrack.workspace.settings import Settings


async def connection_uri(
    settings: Settings, transport: httpx.AsyncBaseTransport | None = None, *, timeout: float = 20
) -> str:
    """The pooled connection URI of ``neon.database`` in ``neon.project_id``.

    Raises UsageError, ConnectionFailed or SourceBusy.
    """
    for name in ("neon.project_id", "neon.database"):
        if not settings[name]:
            raise UsageError(
                f"NEON_API_KEY needs '{name}' as well",
                f"add it to usertrack.yaml, or set {name.replace('.', '_').upper()}",
            )
    require_allowed(settings, "neon.api_key")
    query = {"database_name": settings["neon.database"], "role_name": settings["neon.role"], "pooled": "true"}
    headers = {"Authorization": f"Bearer {settings['neon.api_key']}", "Accept": "application/json"}
    url = f"{settings['neon.api']}/projects/{quote(str(settings['neon.project_id']), safe='')}/connection_uri"
    try:
        async with httpx.AsyncClient(timeout=timeout, transport=transport, verify=tls(url)) as client:
            response = await client.get(url, params=query, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise ConnectionFailed(f"cannot reach Neon's API ({type(error).__name__})", "check your network") from error
    return _uri(response, settings)


def _uri(response: httpx.Response, settings: Settings) -> str:
    status = response.status_code
    if status in (401, 403):
        raise ConnectionFailed("Neon does not accept the API key", "check NEON_API_KEY; it needs access to the project")
    if status == 404:
        raise ConnectionFailed(
            f"Neon knows no database '{settings['neon.database']}' with role '{settings['neon.role']}' in that project",
            "check neon.project_id, neon.database and neon.role in usertrack.yaml",
        )
    if status in (423, 429) or status >= 500:
        raise SourceBusy(f"Neon's API is busy (HTTP {status})", "try again in a minute")
    try:
        uri = response.json()["uri"]
    except (ValueError, KeyError, TypeError):
        uri = None
    if not isinstance(uri, str):
        raise ConnectionFailed(f"Neon's API answered HTTP {status} without a connection URI", "check NEON_API_HOST")
    variables = [name for name in LIBPQ_SECRETS if os.environ.get(name)]
    if variables and not urlsplit(uri).password:
        raise ConnectionFailed(f"Neon's address has no password, and would get that of {variables[0]}", "unset it")
    return uri
