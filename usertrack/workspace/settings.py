"""Settings: option > environment > .env > profile > usertrack.yaml > default. Each value knows where it came from."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from usertrack.core.errors import UsageError, did_you_mean
from usertrack.core.source_names import TABLES
from usertrack.core.words import parse_age, parse_size
from usertrack.library.entities import KINDS
from usertrack.library.events import EVENTS, NONE, ROLES, role_text
from usertrack.library.own_words import LABELS
from usertrack.workspace import settings_file
from usertrack.workspace.demo_choice import demo_settings
from usertrack.workspace.env_file import Variable, read_env_file, unread_env_file
from usertrack.workspace.folder import FILE_NAME, exists, find_workspace
from usertrack.workspace.password_command import COMMAND_SHAPE, PasswordCommand, password_command
from usertrack.workspace.profile_settings import (
    bind_key,
    profile_defaults,
    profile_notes,
    profile_settings,
    used_profile,
)
from usertrack.workspace.setting import Setting, check_key, fetched
from usertrack.workspace.setting_specs import SECTIONS, SETTINGS

WEEK_STARTS = ("sunday", "monday")
"""The days on which weeks can start, at the place of their number in PostHog."""


@dataclass(frozen=True)
class Settings:
    """The values of all settings. ``root`` is the workspace folder, None when there is none.

    ``refresh``: ask the sources, whatever the cache has. ``offline``: use only the cache. ``notes`` are for the user.
    """

    values: Mapping[str, Setting]
    root: Path | None = None
    demo: bool = False
    refresh: bool = False
    offline: bool = False
    commands: tuple[PasswordCommand, ...] = ()
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401
        return self.values[name].value

    def displayed(self, name: str) -> str:
        """The value for printing: of a secret only whether it is set."""
        if not self.is_set(name):
            return "not set"
        return "set" if SETTINGS[name].secret else str(self[name])

    @property
    def names_own_people(self) -> bool:
        """Whether `internal` is said anywhere, be it that there is nobody: `internal: []`."""
        return self.values["internal"].origin != "default"

    def is_set(self, name: str) -> bool:
        """Whether it has a value; a secret is not fetched for that."""
        return self.values[name].is_set

    def address(self, name: str) -> Any:  # noqa: ANN401
        """The value, or of a secret address the part that is none, without fetching it."""
        return self.values[name].address or self[name]

    def without_fetching(self) -> "Settings":
        """Return these settings, where a secret that a command would have to fetch raises a UsageError."""
        values = {
            name: replace(setting, fetch=_refuse) if setting.fetch else setting for name, setting in self.values.items()
        }
        return replace(self, values=values)

    @property
    def max_age(self) -> timedelta | None:
        """The oldest answer to take from the cache; None to always ask the sources."""
        return parse_age(self["max_age"]) if self["max_age"] and not self.refresh else None

    @property
    def absent(self) -> list[str]:
        """The entities that this company does not have, and `events` where it has none at all."""
        entities = [name for name in KINDS if NONE in (self["tables"], self[f"tables.{name}"])]
        return [*entities, *([EVENTS] if self[EVENTS] == NONE else [])]

    @property
    def roles(self) -> dict[str, str]:
        """The events of each role as a step, or none."""
        return {name: self[f"events.{name}"] for name in ROLES}

    @property
    def labels(self) -> dict[str, str]:
        """The words that this company has of its own."""
        return {name: label for name in LABELS if (label := self[f"labels.{name}"])}

    @property
    def has_posthog(self) -> bool:
        """Whether any of PostHog's settings is set: an incomplete set is an error, and does not mean the demo."""
        return any(map(self.is_set, _CONNECTIONS[:2]))

    @property
    def has_postgres(self) -> bool:
        return any(map(self.is_set, _CONNECTIONS[2:]))

    @property
    def unread_env_file(self) -> str:
        """A note on a `.env` with connections that is not read; empty where there is none."""
        return unread_env_file(self.root, [spec.env for name, spec in SETTINGS.items() if name in _CONNECTIONS])

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

    Raises UsageError, with file and line, for a wrong value in a file or the environment, and for options that
    contradict each other.
    """
    env = os.environ if env is None else env
    max_age = (options or {}).get("max_age") is not None
    _require_one_of({"--refresh": refresh, "--offline": offline, "--max-age": max_age})
    root = find_workspace(workspace, env)
    own = read_env_file(root / ".env", _VARIABLES) if root else {}
    written, commands = _read_file(root) if root and exists(root / FILE_NAME) else ({}, ())
    earlier = [_option_values(options or {}), _environment_values(env), _env_file_values(own)]
    named = next((layer["profile"] for layer in (*earlier, written) if "profile" in layer), None)
    profile = used_profile(named)
    ours, defaults = (profile_settings(profile), profile_defaults(profile)) if profile else ({}, {})
    values = _resolve([*earlier, ours, written, defaults])
    if profile:
        values["profile"] = Setting(profile.name, named.origin if named else "default")
        bind_key(profile, values)
    _check(values)

    def is_on(name: str) -> bool:
        return _is_true(env.get(name, "").strip() or (own[name].value if name in own else ""))

    settings = Settings(
        values,
        root,
        demo or is_on("USERTRACK_DEMO"),
        refresh,
        offline or (is_on("USERTRACK_OFFLINE") and not (refresh or max_age)),
        commands,
        profile_notes(profile, named, earlier, written) if profile else (),
    )
    return _with_demo(settings) if settings.uses_demo else settings


def _with_demo(settings: Settings) -> Settings:
    """Return the settings with the demo's values for those that are not set."""
    own = {
        name: Setting(value, "the demo")
        for name, value in demo_settings().items()
        if settings.values[name].origin == "default"
    }
    return replace(settings, values={**settings.values, **own})


def settings_of_values(values: Mapping[str, Any]) -> Settings:
    """Settings with these values, and defaults; raises UsageError for a wrong one."""
    settings = Settings(_resolve([_option_values(values)]))
    _check(settings.values)
    return settings


def _require_one_of(options: Mapping[str, bool]) -> None:
    conflicting = [name for name, is_set in options.items() if is_set]
    if len(conflicting) > 1:
        raise UsageError(
            f"{' and '.join(conflicting)} contradict each other",
            "--refresh asks the sources, --max-age takes answers of that age, --offline takes the latest there are",
        )


_Layer = Mapping[str, Setting]
_CONNECTIONS = ("posthog.personal_api_key", "posthog.project_id", "postgres.url", "neon.api_key")
_SWITCHES = ("USERTRACK_DEMO", "USERTRACK_OFFLINE")
_VARIABLES = {spec.env: name for name, spec in SETTINGS.items()} | dict.fromkeys(_SWITCHES, "")


def _resolve(layers: Sequence[_Layer]) -> dict[str, Setting]:
    """The value of each setting in the first of the layers that has one, else its default."""
    return {
        name: next((layer[name] for layer in layers if name in layer), Setting(spec.default, "default"))
        for name, spec in SETTINGS.items()
    }


def _option_values(options: Mapping[str, Any]) -> _Layer:
    return {
        name: Setting(_typed(name, value, "the command line"), "option")
        for name, value in options.items()
        if value is not None
    }


def _environment_values(env: Mapping[str, str]) -> _Layer:
    return {
        name: Setting(_typed(name, text, spec.env), f"environment, {spec.env}")
        for name, spec in SETTINGS.items()
        if (text := env.get(spec.env, "").strip())
    }


def _env_file_values(variables: Mapping[str, Variable]) -> _Layer:
    return {
        _VARIABLES[env]: Setting(_typed(_VARIABLES[env], variable.value, f".env:{variable.line}"), f".env, line {line}")
        for env, variable in variables.items()
        if (line := variable.line) and _VARIABLES[env]
    }


def _typed(name: str, value: Any, where: str) -> Any:  # noqa: ANN401
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
    if name in ("history", "cache", "profile") and value is False:
        return "off"  # which YAML reads as false
    if name in SECTIONS and value != NONE:
        raise UsageError(f"{where}: '{name}' takes none, or a mapping", f"write {name}: none where there are none")
    if name.startswith("events."):
        return role_text(value, f"{where}: '{name}'")
    if name.startswith("tables.") and value != NONE:
        entity = name.removeprefix("tables.")
        raise UsageError(
            f"{where}: '{name}' takes none, not '{value}'", f"what {entity} are stands in {TABLES}/{entity}.sql"
        )
    if name in _MEASURED:
        try:
            _MEASURED[name](str(value))
        except UsageError as error:
            anew = "; --refresh asks the sources anew" if name == "max_age" else ""
            raise UsageError(f"{where}: {error.message}", error.hint + anew) from error
        return str(value).strip()
    if isinstance(value, bool | list | dict | float):
        raise UsageError(f"{where}: '{name}' takes a text")
    return str(value).strip()


_MEASURED = {"max_age": parse_age, "cache_size": parse_size}


def _positive(name: str, value: Any, where: str) -> float:  # noqa: ANN401
    try:
        number = float(value) if not isinstance(value, bool) else 0.0
    except (TypeError, ValueError):
        number = 0.0
    if not 0 < number < 1e6:
        unit, example = ("days" if name.endswith("days") else "seconds"), SETTINGS[name].default
        raise UsageError(f"{where}: '{name}' takes a number of {unit}, not '{value}'", f"write {name}: {example}")
    return number


def _read_file(root: Path) -> tuple[_Layer, tuple[PasswordCommand, ...]]:
    """The settings in usertrack.yaml, and the commands among them that print a secret."""
    flat: dict[str, Setting] = {}
    commands: list[PasswordCommand] = []
    for entry, line, value in settings_file.entries(root / FILE_NAME, {*SETTINGS} - {*SECTIONS}):
        where, origin = f"{root / FILE_NAME}:{line}", f"usertrack.yaml, line {line}"
        name = entry.removeprefix(settings_file.COMMANDS)
        if value is None and any(known.startswith(f"{entry}.") for known in (*SETTINGS, settings_file.COMMANDS)):
            continue  # a section with nothing in it
        if name not in SETTINGS:
            hint = COMMAND_SHAPE if f"{entry}." == settings_file.COMMANDS else did_you_mean(name, SETTINGS)
            raise UsageError(f"{where}: unknown setting '{entry}'", hint)
        if name in flat:
            raise UsageError(f"{where}: '{name}' is set twice", f"it is set in {flat[name].origin}, too")
        if value is None:
            continue
        if name == entry:
            flat[name] = Setting(_typed(name, value, where), origin)
        elif not SETTINGS[name].secret:
            secrets = ", ".join(name for name, spec in SETTINGS.items() if spec.secret)
            raise UsageError(f"{where}: '{name}' is no secret; write its value", f"a command is for {secrets}")
        else:
            commands.append(password_command(name, value, root, where))
            flat[name] = fetched(name, commands[-1].secret, f"password_command, {origin}")
    return flat, tuple(commands)


def _check(values: Mapping[str, Setting]) -> None:
    """Raise UsageError for values that are wrong whatever the sources answer."""
    from zoneinfo import available_timezones

    zone, day = values["timezone"], values["week_start"]
    try:
        ZoneInfo(zone.value)
    except (ValueError, OSError, LookupError) as error:
        hint = did_you_mean(zone.value, available_timezones(), "use a name such as Europe/Berlin or UTC")
        raise UsageError(f"'{zone.value}' is not a timezone ({zone.origin})", hint) from error
    if day.value not in (None, *WEEK_STARTS):
        hint = did_you_mean(str(day.value), WEEK_STARTS, f"it takes {' or '.join(WEEK_STARTS)}")
        raise UsageError(f"weeks cannot start on '{day.value}' ({day.origin})", hint)
    for name in ("posthog.host", "neon.api"):
        address = values[name]
        if not is_address(address.value):
            raise UsageError(
                f"'{name}' is not an address that begins with https:// or http:// ({address.origin})",
                f"the default is {SETTINGS[name].default}",
            )
    for name, setting in values.items():
        check_key(name, setting.plain, setting.origin)


def is_address(text: str) -> bool:
    """Whether ``text`` is an address of HTTP."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and text.isprintable() and " " not in text


def _is_true(text: str) -> bool:
    return text.strip().lower() in {"1", "true", "yes", "on"}


class NotFetchedError(UsageError):
    """A secret would have to be fetched, from a keyring or by a command, and may not be."""


def _refuse() -> str:
    raise NotFetchedError("a secret is not fetched for this")
