"""Settings: option > environment > usertrack.yaml > default. Each value knows where it came from."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.words import parse_age, parse_size

WEEK_STARTS = ("sunday", "monday")
"""The days on which weeks can start, at the place of their number in PostHog."""


@dataclass(frozen=True)
class SettingSpec:
    """One setting: its environment variable, its default, whether it is a secret, and what it is for."""

    env: str
    default: Any = None
    secret: bool = False
    about: str = ""


FILE_NAME = "usertrack.yaml"
"""The file that makes a folder a workspace."""

SETTINGS: dict[str, SettingSpec] = {
    "posthog.host": SettingSpec("POSTHOG_HOST", "https://us.posthog.com", about="where PostHog answers"),
    "posthog.project_id": SettingSpec("POSTHOG_PROJECT_ID", about="number of the project"),
    "posthog.personal_api_key": SettingSpec(
        "POSTHOG_PERSONAL_API_KEY", secret=True, about="personal key with query:read"
    ),
    "posthog.timeout": SettingSpec("USERTRACK_POSTHOG_TIMEOUT", 300, about="seconds that one query may take"),
    "postgres.url": SettingSpec("DATABASE_URL", secret=True, about="connection URI of Postgres"),
    "postgres.timeout": SettingSpec("USERTRACK_POSTGRES_TIMEOUT", 120, about="seconds that one query may take"),
    "neon.api_key": SettingSpec("NEON_API_KEY", secret=True, about="asks Neon for the connection URI instead"),
    "neon.api": SettingSpec("NEON_API_HOST", "https://console.neon.tech/api/v2", about="where Neon's API answers"),
    "neon.project_id": SettingSpec("NEON_PROJECT_ID", about="Neon project, with neon.api_key"),
    "neon.database": SettingSpec("NEON_DATABASE", about="database in the Neon project"),
    "neon.role": SettingSpec("NEON_ROLE", "neondb_owner", about="role in the Neon project; a read-only one is best"),
    "slack.webhook_url": SettingSpec("SLACK_WEBHOOK_URL", secret=True, about="where `push --to slack` posts"),
    "webhook.url": SettingSpec("USERTRACK_WEBHOOK_URL", secret=True, about="where `push --to webhook` posts"),
    "timezone": SettingSpec("USERTRACK_TIMEZONE", "UTC", about="timezone to show times in"),
    "week_start": SettingSpec(
        "USERTRACK_WEEK_START", about="monday or sunday; default: as in PostHog's project, else monday"
    ),
    "internal": SettingSpec("USERTRACK_INTERNAL", ["datagen.dev"], about="domains and e-mails of your own people"),
    "people": SettingSpec("USERTRACK_PEOPLE", "all", about="whom analyses count: all, or identified people alone"),
    "pages": SettingSpec("USERTRACK_PAGES", [], about="patterns such as /blog/* whose pages are one in journeys"),
    "opt_out": SettingSpec(
        "USERTRACK_OPT_OUT", [], about="person properties that, like $opt_out, say no to being analysed"
    ),
    "pseudonym_key": SettingSpec(
        "USERTRACK_PSEUDONYM_KEY", secret=True, about="key of pseudonyms; default: made once, and kept"
    ),
    "insights": SettingSpec("USERTRACK_INSIGHTS", [], about="your favourites among PostHog's saved insights"),
    "signed_up": SettingSpec(
        "USERTRACK_SIGNED_UP",
        "user_signed_up|signed_up",
        about="the event of a signup, a|b is either: cohorts begin with it",
    ),
    "features.event": SettingSpec(
        "USERTRACK_FEATURES_EVENT", "feature_used", about="the event that is a use of a feature"
    ),
    "features.property": SettingSpec(
        "USERTRACK_FEATURES_PROPERTY", "feature", about="its property that names the feature"
    ),
    "features.category": SettingSpec(
        "USERTRACK_FEATURES_CATEGORY", "category", about="its property that groups features"
    ),
    "features.duration": SettingSpec(
        "USERTRACK_FEATURES_DURATION", "duration", about="its property with seconds of use"
    ),
    "features.known": SettingSpec(
        "USERTRACK_FEATURES_KNOWN", [], about="features there are: feature, or category/feature"
    ),
    "as_of": SettingSpec("USERTRACK_AS_OF", about="the moment to answer for, default now"),
    "history": SettingSpec("USERTRACK_HISTORY", about="file that classifications are kept in, or off"),
    "history_all_days": SettingSpec(
        "USERTRACK_HISTORY_ALL_DAYS", 14, about="days that all snapshots are kept, then one a day"
    ),
    "history_daily_days": SettingSpec("USERTRACK_HISTORY_DAILY_DAYS", 90, about="days after which it is one a week"),
    "cache": SettingSpec("USERTRACK_CACHE", about="folder that answers are kept in, or off"),
    "cache_size": SettingSpec("USERTRACK_CACHE_SIZE", "1GB", about="how large the cache may grow"),
    "max_age": SettingSpec("USERTRACK_MAX_AGE", about="how old an answer from the cache may be; default: always ask"),
    "format": SettingSpec("USERTRACK_FORMAT", about="default output format"),
}


@dataclass(frozen=True)
class Setting:
    """A value with where it came from. It may be a secret, so no repr holds it."""

    value: Any = field(repr=False)
    origin: str


@dataclass(frozen=True)
class Settings:
    """The values of all settings. ``root`` is the workspace folder, None when there is none.

    ``refresh``: ask the sources, whatever the cache has. ``offline``: use only the cache.
    """

    values: Mapping[str, Setting]
    root: Path | None = None
    demo: bool = False
    refresh: bool = False
    offline: bool = False

    def __getitem__(self, name: str) -> Any:
        return self.values[name].value

    def displayed(self, name: str) -> str:
        """The value for printing: of a secret only whether it is set."""
        value = self[name]
        if value is None:
            return "not set"
        return "set" if SETTINGS[name].secret else str(value)

    @property
    def max_age(self) -> timedelta | None:
        """How old an answer from the cache may be; None to always ask the sources."""
        return parse_age(self["max_age"]) if self["max_age"] and not self.refresh else None

    @property
    def has_posthog(self) -> bool:
        """Whether any of PostHog's settings is set: an incomplete set is an error, and does not mean the demo."""
        return self["posthog.personal_api_key"] is not None or self["posthog.project_id"] is not None

    @property
    def has_postgres(self) -> bool:
        return self["postgres.url"] is not None or self["neon.api_key"] is not None

    @property
    def uses_demo(self) -> bool:
        """Whether the demo answers: with `--demo`, or when no source is configured."""
        return self.demo or not (self.has_posthog or self.has_postgres)


def load_settings(
    *,
    workspace: Path | None = None,
    options: Mapping[str, Any] | None = None,
    demo: bool = False,
    refresh: bool = False,
    offline: bool = False,
    env: Mapping[str, str] | None = None,
) -> Settings:
    """Settings for a run. Looks for ``usertrack.yaml`` in ``workspace``, else upwards from the current folder.

    Raises UsageError, with file and line, for a wrong value in the file or the environment, and for options that
    contradict each other.
    """
    env = os.environ if env is None else env
    max_age = (options or {}).get("max_age") is not None
    _require_one_of({"--refresh": refresh, "--offline": offline, "--max-age": max_age})
    root = find_workspace(workspace, env)
    written = _read_file(root / FILE_NAME) if root and exists(root / FILE_NAME) else {}
    values = {name: _resolve(name, options or {}, env, written) for name in SETTINGS}
    _check(values)
    offline = offline or (_is_true(env.get("USERTRACK_OFFLINE", "")) and not (refresh or max_age))
    return Settings(values, root, demo or _is_true(env.get("USERTRACK_DEMO", "")), refresh, offline)


def _require_one_of(options: Mapping[str, bool]) -> None:
    conflicting = [name for name, is_set in options.items() if is_set]
    if len(conflicting) > 1:
        raise UsageError(
            f"{' and '.join(conflicting)} contradict each other",
            "--refresh asks the sources, --max-age takes answers of that age, --offline takes the latest there are",
        )


def find_workspace(path: Path | None, env: Mapping[str, str]) -> Path | None:
    named = path or (Path(env["USERTRACK_WORKSPACE"]) if env.get("USERTRACK_WORKSPACE") else None)
    if named:
        if not named.is_dir():
            raise UsageError(f"there is no workspace '{named}'", f"`usertrack init {named}` makes one")
        return named
    current = Path.cwd()
    return next((folder for folder in (current, *current.parents) if exists(folder / FILE_NAME)), None)


def exists(path: Path, *, folder: bool = False) -> bool:
    """Whether the file, or ``folder``, exists; raises UsageError where ``path`` is something else."""
    if path.is_dir() if folder else path.is_file():
        return True
    if not os.path.lexists(path):
        return False
    actual = "a folder" if path.is_dir() else "a link that leads nowhere" if path.is_symlink() else "something else"
    actual = "a file" if path.is_file() else actual
    raise UsageError(f"{path}: {actual}, where a {'folder' if folder else 'file'} belongs", "mend it, or take it away")


def _resolve(name: str, options: Mapping[str, Any], env: Mapping[str, str], written: Mapping[str, Setting]) -> Setting:
    known = SETTINGS[name]
    if options.get(name) is not None:
        return Setting(_typed(name, options[name], "the command line"), "option")
    if text := env.get(known.env, "").strip():
        return Setting(_typed(name, text, known.env), f"environment, {known.env}")
    if name in written:
        return written[name]
    return Setting(known.default, "default")


def _typed(name: str, value: Any, where: str) -> Any:
    """``value``, which may be text, in the type of the setting's default; raises UsageError."""
    default = SETTINGS[name].default
    if isinstance(default, list):
        items = value.split(",") if isinstance(value, str) else value
        if name == "insights" and isinstance(items, list):  # an id is a number in YAML
            items = [str(item) if type(item) is int else item for item in items]
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise UsageError(f"{where}: '{name}' takes a list of texts", f"write {name}: [a.example, b@c.example]")
        return [item.strip() for item in items if item.strip()]
    if isinstance(default, int):
        return _positive(name, value, where)
    if name in ("history", "cache") and value is False:
        return "off"  # which YAML reads as false
    if name in _MEASURED:
        return _measured(name, value, where)
    if isinstance(value, bool | list | dict | float):
        raise UsageError(f"{where}: '{name}' takes a text")
    return str(value).strip()


_MEASURED = {"max_age": parse_age, "cache_size": parse_size}


def _measured(name: str, value: Any, where: str) -> str:
    try:
        _MEASURED[name](str(value))
    except UsageError as error:
        anew = "; --refresh asks the sources anew" if name == "max_age" else ""
        raise UsageError(f"{where}: {error.message}", error.hint + anew) from error
    return str(value).strip()


def _positive(name: str, value: Any, where: str) -> float:
    try:
        number = float(value) if not isinstance(value, bool) else 0.0
    except (TypeError, ValueError):
        number = 0.0
    if not 0 < number < 1e6:
        unit, example = ("days" if name.endswith("days") else "seconds"), SETTINGS[name].default
        raise UsageError(f"{where}: '{name}' takes a number of {unit}, not '{value}'", f"write {name}: {example}")
    return number


def _read_file(path: Path) -> dict[str, Setting]:
    flat: dict[str, Setting] = {}
    for name, line, value in _entries(path):
        where = f"{path}:{line}"
        if value is None and any(known.startswith(f"{name}.") for known in SETTINGS):
            continue  # a section with nothing in it
        if name not in SETTINGS:
            raise UsageError(f"{where}: unknown setting '{name}'", did_you_mean(name, SETTINGS))
        if name in flat:
            raise UsageError(f"{where}: '{name}' is set twice", f"it is set in {flat[name].origin}, too")
        if value is not None:
            flat[name] = Setting(_typed(name, value, where), f"usertrack.yaml, line {line}")
    return flat


def _entries(path: Path) -> list[tuple[str, int, Any]]:
    """Each setting in the file as its dotted name, its line and its value; raises UsageError with file and line."""
    import yaml

    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8-sig"))
        document = loader.get_single_node()
        if document is None:
            return []
        if not isinstance(document, yaml.MappingNode):
            raise UsageError(f"{path}:1: the file takes settings such as `timezone: Europe/Berlin`")
        return list(_flatten(loader, document))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as UTF-8 text ({type(error).__name__})") from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise UsageError(f"{where}: not valid YAML: {getattr(error, 'problem', None) or 'syntax'}") from error


def _flatten(loader: Any, mapping: Any, prefix: str = "") -> Iterator[tuple[str, int, Any]]:
    for key, node in mapping.value:
        name, line = f"{prefix}{key.value}", key.start_mark.line + 1
        if node.id == "mapping" and name not in SETTINGS:
            if not node.value:
                yield name, line, None
            yield from _flatten(loader, node, f"{name}.")
        else:
            # what YAML takes for a time is text here, such as as_of: 2026-11-20
            is_time = node.tag == "tag:yaml.org,2002:timestamp"
            yield name, line, node.value if is_time else loader.construct_object(node, deep=True)


def _check(values: Mapping[str, Setting]) -> None:
    """Raise UsageError for values that are wrong whatever the sources answer."""
    _check_zone(values["timezone"])
    _check_week(values["week_start"])
    for name in ("posthog.host", "neon.api"):
        _check_address(name, values[name])
    for name in ("posthog.personal_api_key", "neon.api_key"):
        key, origin = values[name].value, values[name].origin
        if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
            raise UsageError(f"'{name}' holds characters that no key has ({origin})", "copy it again")


def _check_zone(zone: Setting) -> None:
    from zoneinfo import available_timezones

    try:
        ZoneInfo(zone.value)
    except (ValueError, OSError, LookupError) as error:
        hint = did_you_mean(zone.value, available_timezones(), "use a name such as Europe/Berlin or UTC")
        raise UsageError(f"'{zone.value}' is not a timezone ({zone.origin})", hint) from error


def _check_week(day: Setting) -> None:
    if day.value not in (None, *WEEK_STARTS):
        hint = did_you_mean(str(day.value), WEEK_STARTS, f"it takes {' or '.join(WEEK_STARTS)}")
        raise UsageError(f"weeks cannot start on '{day.value}' ({day.origin})", hint)


def _check_address(name: str, address: Setting) -> None:
    try:
        parts = urlsplit(address.value)
        good = (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and address.value.isprintable()
            and " " not in address.value
        )
    except ValueError:
        good = False
    if not good:
        raise UsageError(
            f"'{name}' is not an address that begins with https:// or http:// ({address.origin})",
            f"the default is {SETTINGS[name].default}",
        )


def _is_true(text: str) -> bool:
    return text.strip().lower() in {"1", "true", "yes", "on"}
