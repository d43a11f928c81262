"""The files of a workspace, and the shipped ones behind them: queries, segments, failures, funnels."""

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from usertrack.core.errors import UsageError

if TYPE_CHECKING:
    from usertrack.library.library import Library
    from usertrack.workspace.settings import Settings


def library_of(settings: "Settings") -> "Library":
    """The shipped queries and entities, with the workspace's own in front."""
    from usertrack.library.events import connects_servers
    from usertrack.library.library import Library, shipped_root
    from usertrack.library.own_words import OwnWords
    from usertrack.workspace.folder import exists

    own = [relative_path(settings.root)] if settings.root and settings.root != shipped_root() else []
    queries, tables = (
        [root / name for root in own if exists(root / name, folder=True)] for name in ("queries", "tables")
    )
    # who connects no MCP servers shows an interest by something else
    connects = connects_servers(settings.roles, settings.absent)
    other = {} if connects else {"server": "integration", "connect_rate": "intent rate"}
    words, key = OwnWords(other | settings.labels), _key_of(settings)
    shipped, causes = shipped_root() / "queries", failures_paths(settings)
    return Library([shipped, *queries], tables, settings.absent, settings.roles, words, key, causes)


def _key_of(settings: "Settings") -> str:
    """The key of profiles in segments.yaml; the e-mail where it has none, or is broken."""
    from usertrack.core.yaml_nodes import read_values
    from usertrack.library.entities import EMAIL

    with suppress(Exception):  # whoever needs the rules has the error
        text = rules_path(settings).read_text(encoding="utf-8-sig")
        if re.search(rf"\bkey:(?!\s*{EMAIL}\b)", text):
            return str(read_values(text)["profile"].get("key") or EMAIL)
    return EMAIL


def rules_path(settings: "Settings") -> Path:
    """The workspace's segments.yaml, or the shipped one."""
    from usertrack.library.library import shipped_root
    from usertrack.workspace.folder import exists

    own = relative_path(settings.root) / "segments.yaml" if settings.root else None
    return own if own and exists(own) else shipped_root() / "segments.yaml"


def patterns_path(settings: "Settings") -> Path:
    """The workspace's patterns.yaml, or the shipped one."""
    return _own_and_shipped(settings, "patterns.yaml")[0]


def failures_paths(settings: "Settings") -> list[Path]:
    """The workspace's failures.yaml, where there is one, and the shipped one behind it."""
    return _own_and_shipped(settings, "failures.yaml")


def funnel_paths(settings: "Settings") -> list[Path]:
    """The workspace's funnels.yaml, where there is one, and the shipped one behind it."""
    return _own_and_shipped(settings, "funnels.yaml")


def plan_path(settings: "Settings", named: Path | None = None) -> Path:
    """The tracking plan: the file ``named``, else tracking.yaml of the workspace, or of this folder without one.

    Raises UsageError where there is no such file.
    """
    from usertrack.workspace.folder import exists

    path = new_plan_path(settings, named)
    if not exists(path):
        hint = "`usertrack plan init` makes one of the code, of the data or of a Markdown file; `--plan FILE` names one"
        raise UsageError(f"there is no tracking plan '{path}'", hint)
    return path


def new_plan_path(settings: "Settings", named: Path | None = None) -> Path:
    """Return where a new tracking plan goes. Raises UsageError where a folder is missing or something else is there."""
    from usertrack.library.library import shipped_root
    from usertrack.workspace.folder import exists

    own = settings.root if settings.root and settings.root != shipped_root() else Path.cwd()
    path = named or relative_path(own) / "tracking.yaml"
    if not exists(path) and not path.parent.is_dir():
        raise UsageError(f"there is no folder '{path.parent}'", "make it, or name another with `--plan FILE`")
    return path


def _own_and_shipped(settings: "Settings", name: str) -> list[Path]:
    from usertrack.library.library import shipped_root
    from usertrack.workspace.folder import exists

    own = relative_path(settings.root) / name if settings.root and settings.root != shipped_root() else None
    return [*([own] if own and exists(own) else []), shipped_root() / name]


def relative_path(folder: Path) -> Path:
    """``folder`` relative to the current folder, where it is below that: messages name files as users do."""
    current = Path.cwd()
    return folder.relative_to(current) if folder.is_relative_to(current) else folder
