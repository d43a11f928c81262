"""The options that every command has, and the settings that they make."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from usertrack.workspace.settings import Settings


@dataclass(frozen=True)
class Common:
    workspace: Path | None = None
    profile: str | None = None
    demo: bool = False
    as_of: str | None = None
    timezone: str | None = None
    format: str | None = None
    output: Path | None = None
    refresh: bool = False
    max_age: str | None = None
    offline: bool = False
    purpose: str = ""
    """The name of the command and its own options, without those that all commands have."""


def settings_of(common: Common) -> "Settings":
    from usertrack.workspace.settings import load_settings

    options = {name: getattr(common, name) for name in ("profile", "timezone", "as_of", "format", "max_age")}
    return load_settings(
        workspace=common.workspace,
        options=options,
        demo=common.demo,
        refresh=common.refresh,
        offline=common.offline,
    )
