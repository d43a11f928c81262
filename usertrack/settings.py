"""Settings: option > environment > usertrack.yaml > default, each value with where it came from."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from usertrack.errors import UsageError, did_you_mean


@dataclass(frozen=True)
class Known:
    """One setting: its environment variable, its default, and whether its value is a secret."""

    env: str
    default: Any = None
    secret: bool = False
    about: str = ""


KNOWN: dict[str, Known] = {
    "posthog.host": Known("POSTHOG_HOST", "https://us.posthog.com", about="where PostHog answers"),
    "posthog.project_id": Known("POSTHOG_PROJECT_ID", about="number of the project"),
    "posthog.personal_api_key": Known("POSTHOG_PERSONAL_API_KEY", secret=True, about="personal key with query:read"),
    "posthog.timeout": Known("USERTRACK_POSTHOG_TIMEOUT", 300, about="seconds that one query may take"),
    "postgres.url": Known("DATABASE_URL", secret=True, about="connection URI of Postgres"),
    "postgres.timeout": Known("USERTRACK_POSTGRES_TIMEOUT", 120, about="seconds that one query may take"),
    "neon.api_key": Known("NEON_API_KEY", secret=True, about="asks Neon for the connection URI instead"),
    "neon.api": Known("NEON_API_HOST", "https://console.neon.tech/api/v2", about="where Neon's API answers"),
    "neon.project_id": Known("NEON_PROJECT_ID", about="Neon project, with neon.api_key"),
    "neon.database": Known("NEON_DATABASE", about="database in the Neon project"),
    "neon.role": Known("NEON_ROLE", "neondb_owner", about="role in the Neon project; a read-only one is best"),
    "timezone": Known("USERTRACK_TIMEZONE", "UTC", about="timezone to show times in"),
    "internal": Known("USERTRACK_INTERNAL", ["datagen.dev"], about="domains and e-mails of your own people"),
    "as_of": Known("USERTRACK_AS_OF", about="the moment to answer for, default now"),
    "history": Known("USERTRACK_HISTORY", about="file that classifications are kept in, or off"),
    "format": Known("USERTRACK_FORMAT", about="default output format"),
}


@dataclass(frozen=True)
class Setting:
    value: Any
    origin: str


@dataclass(frozen=True)
class Settings:
    """Every known setting with its origin. ``root`` is the workspace folder, None when there is none."""

    values: Mapping[str, Setting]
    root: Path | None = None
    demo: bool = False
    notes: tuple[str, ...] = field(default=())

    def __getitem__(self, name: str) -> Any:
        return self.values[name].value

    def shown(self, name: str) -> str:
        """The value as it may be printed: never a secret."""
        value = self[name]
        if value is None:
            return "not set"
        return "set" if KNOWN[name].secret else str(value)

    @property
    def has_posthog(self) -> bool:
        return self["posthog.personal_api_key"] is not None

    @property
    def has_postgres(self) -> bool:
        return self["postgres.url"] is not None or self["neon.api_key"] is not None

    @property
    def uses_demo(self) -> bool:
        """The demo answers when asked for, and when no source is configured."""
        return self.demo or not (self.has_posthog or self.has_postgres)


def load(
    *,
    workspace: Path | None = None,
    options: Mapping[str, Any] | None = None,
    demo: bool = False,
    env: Mapping[str, str] | None = None,
) -> Settings:
    """Settings for a run. Looks for ``usertrack.yaml`` in ``workspace``, else upwards from the current folder.

    Raises UsageError, with file and line, for whatever is wrong in the file or in the environment.
    """
    env = os.environ if env is None else env
    root = find_workspace(workspace, env)
    written = _read_file(root / "usertrack.yaml") if root else {}
    values = {name: _resolve(name, options or {}, env, written) for name in KNOWN}
    _check(values)
    return Settings(values, root, demo or _truthy(env.get("USERTRACK_DEMO", "")))


def find_workspace(given: Path | None, env: Mapping[str, str]) -> Path | None:
    named = given or (Path(env["USERTRACK_WORKSPACE"]) if env.get("USERTRACK_WORKSPACE") else None)
    if named:
        if not named.is_dir():
            raise UsageError(f"there is no workspace '{named}'", f"`usertrack init {named}` makes one")
        return named
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "usertrack.yaml").is_file()), None)


def _resolve(name: str, options: Mapping[str, Any], env: Mapping[str, str], written: Mapping[str, Setting]) -> Setting:
    known = KNOWN[name]
    if options.get(name) is not None:
        return Setting(_typed(name, options[name], "the command line"), "option")
    if env.get(known.env):
        return Setting(_typed(name, env[known.env], known.env), f"environment, {known.env}")
    if name in written:
        return written[name]
    return Setting(known.default, "default")


def _typed(name: str, value: Any, where: str) -> Any:
    """A value from text, as the type of the setting's default."""
    default = KNOWN[name].default
    if isinstance(default, list) and isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    if isinstance(default, int) and not isinstance(value, bool):
        try:
            return float(value)
        except (TypeError, ValueError) as error:
            raise UsageError(f"{where}: '{name}' takes a number, not '{value}'") from error
    return value


def _read_file(path: Path) -> dict[str, Setting]:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        document = yaml.safe_load(text)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({type(error).__name__})") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise UsageError(f"{where}: not valid YAML: {getattr(error, 'problem', None) or 'syntax'}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise UsageError(f"{path}:1: the file takes settings such as `timezone: Europe/Berlin`")
    flat: dict[str, Setting] = {}
    for name, value in _flatten(document):
        line = _line_of(text, name.rsplit(".", 1)[-1])
        if name not in KNOWN:
            raise UsageError(f"{path}:{line}: unknown setting '{name}'", did_you_mean(name, KNOWN))
        if value is not None:
            flat[name] = Setting(_typed(name, value, f"{path}:{line}"), f"usertrack.yaml, line {line}")
    return flat


def _flatten(document: Mapping[Any, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in document.items():
        name = f"{prefix}{key}"
        pairs += _flatten(value, f"{name}.") if isinstance(value, dict) else [(name, value)]
    return pairs


def _line_of(text: str, key: str) -> int:
    return next((n for n, line in enumerate(text.splitlines(), 1) if line.strip().startswith(f"{key}:")), 1)


def _check(values: Mapping[str, Setting]) -> None:
    """The values that can be known to be wrong before anything is asked."""
    zone = values["timezone"]
    try:
        ZoneInfo(str(zone.value))
    except (ValueError, OSError, KeyError) as error:
        raise UsageError(
            f"'{zone.value}' is not a timezone ({zone.origin})", "use a name such as Europe/Berlin or UTC"
        ) from error
    host = values["posthog.host"]
    if urlsplit(str(host.value)).scheme not in {"http", "https"}:
        raise UsageError(
            f"PostHog's host must begin with https:// or http:// ({host.origin})", "US Cloud is https://us.posthog.com"
        )
    internal = values["internal"]
    if not isinstance(internal.value, list) or not all(isinstance(item, str) for item in internal.value):
        raise UsageError(f"'internal' takes a list of domains and e-mails ({internal.origin})")


def _truthy(text: str) -> bool:
    return text.strip().lower() in {"1", "true", "yes", "on"}
