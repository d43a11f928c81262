"""Neon's API: the connection URI of a database, for those who give an API key instead of the URI."""

import httpx

from usertrack.errors import ConnectionFailed, UsageError
from usertrack.settings import Settings


async def connection_uri(settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> str:
    """The pooled connection URI of ``neon.database`` in ``neon.project_id``; raises UsageError or ConnectionFailed."""
    for name in ("neon.project_id", "neon.database"):
        if not settings[name]:
            raise UsageError(
                f"NEON_API_KEY needs '{name}' as well",
                f"add it to usertrack.yaml, or set {name.replace('.', '_').upper()}",
            )
    query = {"database_name": settings["neon.database"], "role_name": settings["neon.role"], "pooled": "true"}
    headers = {"Authorization": f"Bearer {settings['neon.api_key']}", "Accept": "application/json"}
    url = f"{settings['neon.api']}/projects/{settings['neon.project_id']}/connection_uri"
    try:
        async with httpx.AsyncClient(timeout=20, transport=transport) as client:
            response = await client.get(url, params=query, headers=headers)
    except httpx.HTTPError as error:
        raise ConnectionFailed(f"cannot reach Neon's API ({type(error).__name__})", "check your network") from error
    if response.status_code in (401, 403):
        raise ConnectionFailed("Neon does not accept the API key", "check NEON_API_KEY; it needs access to the project")
    if response.status_code == 404:
        raise ConnectionFailed(
            f"Neon knows no database '{settings['neon.database']}' with role '{settings['neon.role']}' in that project",
            "check neon.project_id, neon.database and neon.role in usertrack.yaml",
        )
    try:
        return str(response.json()["uri"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConnectionFailed(
            f"Neon's API answered {response.status_code} without a connection URI", "try again later"
        ) from error
