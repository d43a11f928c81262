"""What the embedded server is told at start: keys and project. Nothing here is read from the environment."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ServerSettings:
    """``week_start_day`` is PostHog's: 0 Sunday, 1 Monday. ``row_cap`` silently clamps an explicit LIMIT."""

    project_token: str
    personal_api_key: str
    timezone: str = "UTC"
    week_start_day: int = 0
    row_cap: int = 50_000
    project_id: int = 1
