"""Guards the endpoints under /api/: a client needs the personal API key, on the one project of this server."""

import hmac

from starlette.requests import Request

from usertrack.server.http.api_errors import ApiError
from usertrack.server.http.server_settings import ServerSettings


def admit(request: Request, settings: ServerSettings, scope: str = "", body: object = None) -> None:
    """Raises ApiError unless the request has the key of this project, and the key the ``scope``, where one is named."""
    authenticate(request, settings, body)
    # a path names the project by its number, or as ``@current``
    if request.path_params["project_id"] not in ("@current", str(settings.project_id)):
        raise ApiError(404, "not_found", "Project not found.")
    if scope:
        require_scope(settings, scope)


def authenticate(request: Request, settings: ServerSettings, body: object = None) -> None:
    """Accepts the personal key from the Authorization header, else the body, else the query string.

    Raises ApiError 401 with PostHog's words when there is none, or a wrong one (a project token is a wrong one).
    """
    header = request.headers.get("authorization", "")
    candidates = [
        ("Authorization header", header[7:].strip() if header.lower().startswith("bearer ") else ""),
        ("body", body.get("personal_api_key") if isinstance(body, dict) else ""),
        ("query string", request.query_params.get("personal_api_key")),
    ]
    for place, key in candidates:
        if key:
            if not _is_valid(str(key), settings):
                detail = f"Personal API key found in request {place} is invalid."
                raise ApiError(401, "authentication_failed", detail)
            return
    raise ApiError(401, "not_authenticated", "Authentication credentials were not provided.")


def _is_valid(key: str, settings: ServerSettings) -> bool:
    valid_keys = [valid.encode() for valid in (settings.personal_api_key, settings.owner_key) if valid]
    return any(hmac.compare_digest(key.encode(errors="replace"), valid) for valid in valid_keys)


def require_scope(settings: ServerSettings, scope: str) -> None:
    """Raises ApiError 403 with PostHog's words unless the key has ``scope``, such as ``person:write``."""
    kind, _, action = scope.partition(":")
    # who may write may read
    if not {"*", scope, *([f"{kind}:write"] if action == "read" else [])} & set(settings.scopes):
        raise ApiError(403, "permission_denied", f"API key missing required scope '{scope}'")
